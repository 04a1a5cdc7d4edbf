/* request.c - any bytes as a request on the control socket: refused with a reason, or terminated texts
 *
 * libFuzzer, from the top of the source tree (AFL++: afl-clang-fast in place of clang):
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Isrc -Isrc/api tests/fuzz/request.c \
 *       src/face/reply.c src/spec/?*.c src/base/?*.c -ljansson -lyaml -lxxhash -lm -o fuzz-request && \
 *       ./fuzz-request tests/fuzz/corpus/request
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "face/reply.h"
#include "shared/rc.h"

const char fuzz_name[] = "request";
const uint32_t fuzz_changes = 100000;

static void look_at(const struct face_request *q)
{
    struct reason why = {0};
    struct face_request again;
    char *text;

    FUZZ_PROMISE(q->verb[0] && memchr(q->verb, 0, sizeof q->verb) && memchr(q->path, 0, sizeof q->path) &&
                 memchr(q->how, 0, sizeof q->how), "every text ends within its room");
    text = face_request_text(q);
    FUZZ_PROMISE(text, "what was understood can be said again");
    FUZZ_PROMISE(face_request_parse(text, strlen(text), &again, &why) == 0, "and is understood again");
    FUZZ_PROMISE(!strcmp(q->verb, again.verb) && !strcmp(q->path, again.path) && !strcmp(q->how, again.how) &&
                 q->fresh == again.fresh && q->dry == again.dry, "as the same");
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct face_request q;
    struct reason why = {0};
    int rc = face_request_parse((const char *)data, size, &q, &why);

    if (rc == 0)
        look_at(&q);
    else
        FUZZ_PROMISE(rc == TW_EPROTO && why.text[0], "a refusal has a reason");
    return 0;
}
