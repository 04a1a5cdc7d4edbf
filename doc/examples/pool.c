/* pool.c - a pool and the device it speaks for, as small as it gets; C11 and C++11
 *
 *     cc pool.c $(pkg-config --cflags --libs treewarden) && ./a.out
 *
 * The device here is an array: a block runs or does not.  A real one takes START and STOP to blocks of a kernel, to
 * threads or to processes, waits until a stopped one has ended, and then goes on with the list.
 */
#include <stdio.h>

#include <treewarden/supervisor.h>

enum { SLOTS = 16, ROOM = 4 };

static int running[SLOTS];

/* Carry out a list, in order, and fetch what found no room. */
static void carry_out(struct tw_pool *pool, uint64_t now_ms, struct tw_pool_action *todo, int n)
{
    for (; n > 0; n = tw_pool_more(pool, todo, ROOM))
        for (int i = 0; i < n; i++) {
            const struct tw_pool_action *a = &todo[i];
            uint32_t slot = tw_pool_slot(a->id);

            printf("  %s slot %u, life %u\n", tw_pool_action_name(a->kind), slot, (unsigned)tw_pool_life(a->id));
            if (a->kind == TW_ACTION_STOP)
                running[slot] = 0;
            else if (a->kind == TW_ACTION_START)
                running[slot] = 1;
        }
    /* The blocks answer. */
    for (uint32_t slot = 1; slot < SLOTS; slot++) {
        const struct tw_pool_entry *e = &tw_pool_entries(pool)[slot];

        if (e->state == TW_POOL_DRAINING && !running[slot])
            (void)tw_pool_stopped(pool, now_ms, e->id);
        else if (e->state == TW_POOL_INITIALIZING && running[slot])
            (void)tw_pool_activate(pool, now_ms, e->id);
    }
}

static uint64_t add(struct tw_pool *pool, uint64_t parent, const char *name, unsigned strategy)
{
    struct tw_pool_spec spec = TW_POOL_SPEC_INIT;
    uint64_t id = TW_NO_ACTOR;
    int rc;

    snprintf(spec.name, sizeof spec.name, "%s", name);
    spec.strategy = (uint8_t)strategy;
    rc = tw_pool_create_actor(pool, 0, parent, &spec, &id);
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", name, tw_pool_error_text(rc));
        return id;
    }
    running[tw_pool_slot(id)] = 1;
    (void)tw_pool_activate(pool, 0, id);
    return id;
}

int main(void)
{
    struct tw_pool *pool = NULL;
    struct tw_pool_action todo[ROOM];
    uint64_t solver, left, ids[SLOTS], late[SLOTS];
    char text[2048];
    int n;

    if (tw_pool_create(SLOTS, NULL, 0, &pool) != 0)
        return 1;
    solver = add(pool, TW_POOL_ROOT, "solver", TW_ONE_FOR_ALL);
    left = add(pool, solver, "left", TW_ONE_FOR_ONE);
    add(pool, solver, "right", TW_ONE_FOR_ONE);
    add(pool, TW_POOL_ROOT, "writer", TW_ONE_FOR_ONE);

    printf("left fails: it and its sibling start again\n");
    n = tw_pool_handle_failure(pool, 100, left, TW_EXIT_ABNORMAL, todo, ROOM);
    carry_out(pool, 100, todo, n);

    printf("everyone beats but the last\n");
    for (uint32_t slot = 1; slot < 4; slot++)
        (void)tw_pool_heartbeat(pool, 900, tw_pool_entries(pool)[slot].id, 1);
    n = tw_pool_check_heartbeats(pool, 1000, late, SLOTS);
    for (int i = 0; i < n; i++)
        printf("  %s is late\n", tw_pool_spec_of(pool, late[i])->name);

    tw_pool_tree_view(pool, 1000, text, sizeof text);
    fputs(text, stdout);

    printf("the solver is killed\n");
    n = tw_pool_kill_tree(pool, 1000, solver, ids, SLOTS);
    for (int i = 0; i < n; i++) {
        printf("  kill slot %u\n", tw_pool_slot(ids[i]));
        running[tw_pool_slot(ids[i])] = 0;
        (void)tw_pool_stopped(pool, 1001, ids[i]);
    }
    printf("%u of %u slots are free\n", tw_pool_available_count(pool), tw_pool_capacity(pool));
    tw_pool_destroy(pool);
    return 0;
}
