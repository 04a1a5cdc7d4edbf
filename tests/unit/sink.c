/* Files of host actors: aside until the commit, then whole or not at all. */
#include "worker/sink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/rc.h"
#include "tests/lib/tap.h"

static char dir[64] = "/tmp/tw-sink-XXXXXX";

static void write_file(const char *path, const char *text)
{
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f)
        return;
    fputs(text, f);
    fclose(f);
}

/* The text of a file in the folder; "" if there is none. */
static const char *content(const char *name)
{
    static char text[128];
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    text[0] = '\0';
    f = fopen(path, "r");
    if (f) {
        if (!fgets(text, sizeof text, f))
            text[0] = '\0';
        fclose(f);
    }
    return text;
}

static int count_files(const char *prefix)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int n = 0;

    while ((e = readdir(d)) != NULL)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
             strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    closedir(d);
    return n;
}

static void test_commit(struct sink *s)
{
    const char *path = sink_path(s, 1, "plate.pgm");

    ok(path && strncmp(path, dir, strlen(dir)) == 0, "a path in the output folder is given out");
    write_file(path, "first");
    is_str(content("plate.pgm"), "", "before the commit no reader sees the file");
    ok(sink_path(s, 1, "plate.pgm") == path, "the same name is the same file until the commit");
    is_int(sink_commit(s, 1), 0, "the commit succeeds");
    is_str(content("plate.pgm"), "first", "and the whole file is in place");
    is_int(count_files("."), 0, "nothing is left aside");

    write_file(sink_path(s, 1, "plate.pgm"), "second");
    is_str(content("plate.pgm"), "first", "while the next one is written, readers see the one before");
    sink_commit(s, 1);
    is_str(content("plate.pgm"), "second", "until it replaces it");

    sink_path(s, 1, "never");
    is_int(sink_commit(s, 1), 0, "a file that was asked for and never written is no error");
    is_int(count_files("never"), 0, "and does not appear");
}

static void test_drop(struct sink *s)
{
    write_file(sink_path(s, 1, "dropped"), "x");
    is_int(count_files("."), 1, "a file is written aside");
    sink_drop(s, 1);
    is_int(count_files("."), 0, "when the life ends it is removed");
    is_int(sink_commit(s, 1), 0, "a later commit has nothing to do");
    is_int(count_files("dropped"), 0, "and the name never appeared");
}

static void test_refusals(struct sink *s)
{
    char name[SINK_NAME_MAX + 2];

    ok(!sink_path(s, 1, "../up") && !sink_path(s, 1, "a/b") && !sink_path(s, 1, "/etc/x"),
       "a name with '/' is refused");
    ok(!sink_path(s, 1, ".hidden") && !sink_path(s, 1, "..") && !sink_path(s, 1, ""),
       "so is one with a leading '.', or none");
    memset(name, 'n', sizeof name);
    name[SINK_NAME_MAX + 1] = '\0';
    ok(!sink_path(s, 1, name), "so is one too long");
    name[SINK_NAME_MAX] = '\0';
    write_file(sink_path(s, 1, name), "long");
    is_int(sink_commit(s, 1), 0, "the longest name is taken");
    is_str(content(name), "long", "and appears");
    for (int i = 0; i < SINK_FILES; i++) {
        snprintf(name, sizeof name, "many%d", i);
        write_file(sink_path(s, 1, name), "m");
    }
    ok(!sink_path(s, 1, "one-more"), "the ninth file of one commit is refused");
    ok(sink_path(s, 2, "one-more") != NULL, "another slot has its own eight");
    is_int(sink_commit(s, 1), 0, "eight are committed");
    is_int(count_files("many"), SINK_FILES, "and all are in place");
    sink_drop(s, 2);
}

static void test_fence(struct sink *s)
{
    write_file(sink_path(s, 3, "late"), "late");
    sink_fence(s, 3);
    is_int(count_files("."), 0, "what a fenced slot had aside is removed");
    ok(!sink_path(s, 3, "late"), "it is given nothing any more");
    is_int(count_files("late"), 0, "nothing of it appears");
}

static void test_failed_rename(struct sink *s)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, "taken");
    mkdir(path, 0755);
    write_file(sink_path(s, 1, "taken"), "x");
    is_int(sink_commit(s, 1), TW_ESYS, "a commit whose rename fails says so");
    sink_drop(s, 1);
    is_int(count_files("."), 0, "and its file aside goes with the life");
    rmdir(path);
}

static void test_leftovers(void)
{
    struct sink *dead = NULL, *other = NULL, *next = NULL;

    sink_open(&dead, dir, 0, 1, 8, 2);
    sink_open(&other, dir, 0, 2, 8, 2);
    write_file(sink_path(dead, 1, "half"), "hal");
    write_file(sink_path(other, 1, "busy"), "busy");
    is_int(sink_open(&next, dir, 0, 1, 9, 2), 0, "the next worker of a device opens the folder");
    is_int(count_files(".half"), 0, "what a killed worker of that device left is removed");
    is_int(count_files(".busy"), 1, "what a worker of another device has in hand is not");
    ok(sink_commit(dead, 1) == 0 && count_files("half") == 0,
       "should the killed one still run, it has nothing to rename");
    sink_close(dead);
    sink_close(other);
    sink_close(next);
}

static void test_no_folder(void)
{
    struct sink *s = NULL;

    sink_open(&s, "", 0, 0, 1, 2);
    ok(!sink_path(s, 1, "x"), "without an output folder nothing is given out");
    sink_close(s);
    sink_open(&s, "/nonexistent/folder", 0, 0, 1, 2);
    ok(!sink_path(s, 1, "x"), "nor in one that does not exist");
    sink_close(s);
}

int main(void)
{
    struct sink *s = NULL;
    char cleanup[128];

    if (!mkdtemp(dir))
        return 99;
    is_int(sink_open(&s, dir, 0, 0, 4, 3), 0, "a sink opens");
    test_commit(s);
    test_drop(s);
    test_refusals(s);
    test_fence(s);
    test_failed_rename(s);
    test_leftovers();
    test_no_folder();
    sink_close(s);
    is_int(count_files("."), 0, "nothing aside is left at the end");
    snprintf(cleanup, sizeof cleanup, "rm -r '%s'", dir);
    if (system(cleanup) != 0)
        return 99;
    done_testing();
}
