-- wrk script: POST the file named by $BODY as a submission.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.path = os.getenv("ROUTE")
wrk.headers["Content-Type"] = "application/json"
wrk.body = file:read("*a")
file:close()
