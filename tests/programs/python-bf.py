def broken(:
    print("never")
