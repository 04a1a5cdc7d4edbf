/* share.c - GPUs that several ranks see are shared out, and every rank comes to the same result */
#include "topo/share.h"
#include "tests/lib/tap.h"

#include <stdbool.h>
#include <string.h>

enum { HERE = 7, THERE = 9 };

/* "0,2": what a rank gets. */
static const char *got(const struct share_claim *claims, int ranks, int rank, uint32_t each)
{
    static char text[4][64];
    static int at;
    uint32_t which[SHARE_GPUS];
    char *to = text[at++ % 4];

    share_out(claims, ranks, rank, each, which);
    to[0] = '\0';
    for (uint32_t i = 0; i < each; i++)
        snprintf(to + strlen(to), 64 - strlen(to), "%s%u", i ? "," : "", which[i]);
    return to;
}

static void as_many_as_there_are(void)
{
    const struct share_claim c[] = {{HERE, 0, 8}, {HERE, 0, 8}, {HERE, 0, 8}};
    int poorest;

    is_int(share_of(c, 1, 0), 8, "one rank has all");
    is_int(share_of(c, 2, 0), 4, "two have half each");
    is_int(share_of(c, 3, 1), 2, "of three each has as many, and what is left over nobody has");
    is_int(share_least(c, 3, &poorest), 2, "that is the least");
    is_int(poorest, 0, "and the first rank has no more");
    is_str(got(c, 2, 0, 4), "0,1,2,3", "the first ones are the first rank's");
    is_str(got(c, 2, 1, 4), "4,5,6,7", "the next ones the next one's");
    is_str(got(c, 3, 2, 1), "2", "who takes fewer leaves no gap");
}

static void other_hosts(void)
{
    const struct share_claim c[] = {{HERE, 0, 2}, {THERE, 0, 4}, {HERE, 0, 2}, {THERE, 0, 4}, {11, 0, 1}};
    const struct share_claim alike[] = {{HERE, 0, 2}, {THERE, 0, 2}};
    int poorest;

    ok(share_of(c, 5, 0) == 1 && share_of(c, 5, 3) == 2 && share_members(c, 5, 3) == 2,
       "only ranks that see the same GPUs share them");
    is_int(share_least(c, 5, &poorest), 1, "who has fewest decides");
    is_str(got(c, 5, 2, 1), "1", "the second of its host has the second");
    is_str(got(c, 5, 3, 2), "2,3", "as on another host");
    is_str(got(c + 3, 2, 0, 2), "0,1", "and who is alone with what it sees begins with the first");
    is_int(share_of(alike, 2, 1), 2, "as many elsewhere are not the same");
    is_str(got(c, 5, 4, 1), "0", "a GPU that a batch system gave to one rank alone is that rank's");
}

static void nothing_is_there(void)
{
    const struct share_claim c[] = {{HERE, 0, 1}, {HERE, 0, 1}, {0, 0, 0}};
    int poorest;

    is_int(share_least(c, 2, &poorest), 0, "one GPU for two ranks is none for each");
    is_int(share_least(c + 1, 2, &poorest), 0, "a rank without any has none");
    is_int(poorest, 1, "and is named");
}

static void what_is_near(void)
{
    const struct share_claim crossed[] = {{HERE, 0xc, 4}, {HERE, 0x3, 4}};
    const struct share_claim one[] = {{HERE, 0, 4}, {HERE, 0x1, 4}, {HERE, 0, 4}};
    const struct share_claim same[] = {{HERE, 0x3, 4}, {HERE, 0x3, 4}};
    const struct share_claim full[] = {{HERE, ~(uint64_t)0, 64}};

    is_str(got(crossed, 2, 0, 2), "2,3", "a rank gets what is near its cores");
    is_str(got(crossed, 2, 1, 2), "0,1", "and so does the next");
    is_str(got(one, 3, 0, 1), "1", "who has no choice to make does not take what is near another");
    is_str(got(one, 3, 1, 1), "0", "who gets it");
    is_str(got(one, 3, 2, 1), "2", "the rest follow in order");
    ok(!strcmp(got(same, 2, 0, 2), "0,1") && !strcmp(got(same, 2, 1, 2), "2,3"),
       "what is near two ranks goes to the first, and the other has what is left");
    is_int((int)strlen(got(full, 1, 0, 16)), 37, "as many as can be told are no trouble");
}

/* Nobody has what another has, whatever they say. */
static void no_two_share_one(void)
{
    uint64_t seed = 1;
    int bad = 0;

    for (int n = 0; n < 2000; n++) {
        struct share_claim c[6];
        uint64_t had[3] = {0, 0, 0};
        int ranks;

        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        ranks = 1 + (int)(seed >> 60) % 6;
        for (int i = 0; i < ranks; i++) {
            uint64_t where = (seed >> (2 * i)) % 3;

            c[i] = (struct share_claim){where, (seed >> (i + 20)) & ((1u << (3 + 5 * where)) - 1), 3 + 5 * where};
        }
        for (int i = 0; i < ranks; i++) {
            uint32_t which[SHARE_GPUS], each = share_of(c, ranks, i);

            share_out(c, ranks, i, each, which);
            for (uint32_t k = 0; k < each; k++) {
                bad += which[k] >= c[i].count || (had[c[i].seen] >> which[k] & 1);
                had[c[i].seen] |= (uint64_t)1 << which[k];
            }
        }
    }
    is_int(bad, 0, "no GPU is given to two ranks, and none that is not there");
}

int main(void)
{
    as_many_as_there_are();
    other_hosts();
    nothing_is_there();
    what_is_near();
    no_two_share_one();
    done_testing();
}
