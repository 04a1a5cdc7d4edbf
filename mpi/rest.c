/* rest.c - see the header */
#include "mpi/rest.h"

uint64_t rest_us(struct rest *r, struct doorbell *bell, bool rung, bool busy)
{
    uint64_t us = r->us ? r->us : LINK_REST_MIN_US;

    if (busy) {
        if (r->said)
            doorbell_awake(bell);
        *r = (struct rest){0};
        return 0;
    }
    if (!r->said || doorbell_was_rung(bell)) {
        if (r->said)
            doorbell_awake(bell);
        doorbell_sleeps(bell);
        r->said = true;
        return 0;
    }
    r->us = us * 2 > LINK_REST_MAX_US ? LINK_REST_MAX_US : us * 2;
    return rung ? LINK_REST_MAX_US : us;
}
