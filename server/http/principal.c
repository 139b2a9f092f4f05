#include "server/http/principal.h"

struct principal principal_anonymous(const struct request *r)
{
    (void)r;
    return (struct principal){ .name = "anonymous", .rights = RIGHTS_ALL };
}

bool principal_has(const struct principal *p, enum right right)
{
    return (p->rights & (unsigned)right) != 0;
}

const char *principal_right_text(enum right right)
{
    switch (right) {
    case RIGHT_PUBLIC:
        return "use this server";
    case RIGHT_READ:
        return "read submissions and reports";
    case RIGHT_SUBMIT:
        return "submit or cancel";
    case RIGHT_OPERATE:
        return "operate this server";
    }
    return "do this";
}
