/* store.c - journals and verdicts: whole lines, the first verdict stands, figures from what is there */
#include "tests/lib/tap.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/rc.h"
#include "store/journal.h"
#include "store/letter.h"
#include "store/verdict.h"

static char dir[] = "/tmp/tw-store-XXXXXX";

static const char *path_of(const void *self, uint32_t vertex)
{
    (void)self;
    return vertex == 1 ? "top/a \"quoted\"" : "top";
}

static int lines_of(const char *name, char *last, size_t room)
{
    FILE *f = fopen(name, "r");
    int n = 0;

    while (f && fgets(last, (int)room, f))
        n++;
    if (f)
        fclose(f);
    return n;
}

static void count_up(void *self) { ++*(int *)self; }

static void journals_are_lines(void)
{
    struct journal *j;
    struct reason why;
    struct stat st;
    char name[200], line[1024];
    int ran = 0;

    snprintf(name, sizeof name, "%s/journal.3.7.jsonl", dir);
    is_int(journal_open(dir, 3, 7, path_of, NULL, &j, &why), 0, "a journal opens");
    for (int i = 1; i <= 5000; i++) {
        struct journal_record rec = {.type = JOURNAL_EXIT, .vertex = 1, .stamp = (uint64_t)i, .life = 5,
                                     .cls = 3, .cause = 2, .text = "a\nb"};

        if (journal_put(j, &rec) != (uint64_t)i)
            ok(0, "record %d has its index", i);
    }
    is_int(journal_defer(j, count_up, &ran), 0, "work can be given to the writer");
    is_int(journal_flush(j, 5000), 0, "flush waits for all of it");
    is_int(ran, 1, "... the work included");
    is_int(lines_of(name, line, sizeof line), 5000, "every record is a line");
    ok(strstr(line, "\"path\":\"top/a \\\"quoted\\\"\"") && strstr(line, "\"text\":\"a\\u000ab\"") &&
           strstr(line, "\"class\":\"abnormal\",\"cause\":\"failed\""), "names and texts are escaped");
    ok(stat(name, &st) == 0 && (st.st_mode & 0777) == 0600, "only its owner may read it");
    journal_close(j, 1000);
    unlink(name);
    is_int(journal_open("/nonexistent", 1, 0, path_of, NULL, &j, &why), TW_ESYS, "a folder that is not there is refused");
    ok(strstr(why.text, "--state-dir") != NULL, "... with what to do");
}

static void a_dead_letter_is_a_file_and_a_line(void)
{
    struct journal_record rec = {.type = JOURNAL_LETTER, .vertex = 0, .from = 1, .a = 4, .b = 3, .code = 7};
    char name[200], line[2560];
    struct reason why;
    struct stat st;

    snprintf(name, sizeof name, "%s/letter.2.1.5", dir);
    is_int(letter_write(dir, 2, 1, 5, "abc", 3, &why), 0, "a dead letter's bytes are written");
    ok(stat(name, &st) == 0 && st.st_size == 3 && (st.st_mode & 0777) == 0600, "... all, and for their owner alone");
    unlink(name);
    is_int(letter_write("/nonexistent", 1, 0, 1, "", 0, &why), TW_ESYS, "in a folder that is not there they cannot be");
    ok(strstr(why.text, "/nonexistent/letter.1.0.1") != NULL, "... and it says so");
    (void)journal_format(&rec, 1, path_of, NULL, line, sizeof line);
    ok(strstr(line, "\"type\":\"dead_letter\",\"path\":\"top\"") && strstr(line, "\"from\":\"top/a \\\"quoted\\\"\""),
       "its record names receiver and sender");
    rec.type = JOURNAL_FAULT;
    (void)journal_format(&rec, 1, path_of, NULL, line, sizeof line);
    ok(!strstr(line, "\"from\""), "no other record has a sender");
}

static void the_first_verdict_stands(void)
{
    static struct verdict v, got;
    struct reason why;
    char name[200];
    uint32_t n;

    v.generation = 2;
    v.exit_code = 0;
    snprintf(v.reason, sizeof v.reason, "done");
    v.streams.accepted = 10;
    v.fault_count = 3;
    v.faults[0] = (struct verdict_fault){.injected_us = 100, .detected_us = 300, .resumed_us = 350, .how = "fail"};
    v.faults[1] = (struct verdict_fault){.injected_us = 100, .detected_us = 1100, .resumed_us = 1400};
    v.faults[2] = (struct verdict_fault){.detected_us = 5};
    is_int(verdict_read(dir, &got, &why), TW_ENOENT, "no verdict yet");
    is_int(verdict_write(dir, &v, &why), 0, "a verdict is written");
    v.exit_code = 1;
    is_int(verdict_write(dir, &v, &why), TW_EEXIST, "a second one of the generation is refused");
    is_int(verdict_read(dir, &got, &why), 0, "it is read back");
    ok(got.exit_code == 0 && got.streams.accepted == 10 && got.fault_count == 3 && !strcmp(got.faults[0].how, "fail"),
       "... as the first one said");
    is_int((long long)verdict_detection_us(&got, 100, &n), 1000, "detection counts faults somebody inflicted");
    is_int(n, 2, "... and only those");
    is_int((long long)verdict_recovery_us(&got, 50, &n), 50, "recovery counts those that came back");
    snprintf(name, sizeof name, "%s/verdict.2.json", dir);
    unlink(name);
    snprintf(name, sizeof name, "%s/verdict.9.json", dir);
    fclose(fopen(name, "w"));
    is_int(verdict_read(dir, &got, &why), TW_EPROTO, "an empty file is no verdict");
    unlink(name);
}

static void wait_for_byte(void *self)
{
    char byte;

    if (read(*(int *)self, &byte, 1) != 1)
        abort();
}

static void what_was_deferred_is_known_until_it_is_done(void)
{
    struct journal *j;
    struct reason why;
    int ends[2], tries = 0;
    char name[600];

    if (pipe(ends) != 0 || journal_open(dir, 3, 0, NULL, NULL, &j, &why) != 0)
        abort();
    is_int(journal_deferred(j), 0, "nothing is deferred at first");
    is_int(journal_defer(j, wait_for_byte, &ends[0]), 0, "a job is deferred");
    is_int(journal_flush(j, 100), TW_EAGAIN, "... it is under way");
    is_int(journal_deferred(j), 1, "... and counts until it is done");
    if (write(ends[1], "x", 1) != 1)
        abort();
    while (journal_flush(j, 100) != 0 && tries++ < 100)
        continue;
    is_int(journal_deferred(j), 0, "... not any more when it is");
    journal_close(j, 1000);
    close(ends[0]);
    close(ends[1]);
    snprintf(name, sizeof name, "%s/journal.3.0.jsonl", dir);
    unlink(name);
}

int main(void)
{
    if (!mkdtemp(dir))
        return 1;
    journals_are_lines();
    a_dead_letter_is_a_file_and_a_line();
    the_first_verdict_stands();
    what_was_deferred_is_known_until_it_is_done();
    rmdir(dir);
    ok(access(dir, F_OK) != 0, "no temporary file is left behind");
    done_testing();
}
