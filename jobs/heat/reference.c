/* reference.c - the heat job without actors: what `jobs/heat/run` compares the job's files with
 *
 *     reference --check PICTURE                                 prints "WIDTH HEIGHT WHITE"
 *     reference PICTURE STEPS REPORT ALPHA SOURCE DIR           writes DIR/heat.{raw,csv,pgm}
 *
 * Exit status: 0; 2 usage; 65 picture not usable; 66 not readable; 71 no memory; 73 cannot write.
 */
#include "reference_plate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole number from low to high; 0 and *ret, or -1. */
static int whole(const char *text, unsigned long low, unsigned long high, uint32_t *ret)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < low || value > high)
        return -1;
    *ret = (uint32_t)value;
    return 0;
}

/* As the job reads it: a double, then rounded to float. */
static int fraction(const char *text, double low, double high, float *ret)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= low && value <= high))
        return -1;
    *ret = (float)value;
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: reference --check PICTURE\n"
                    "       reference PICTURE STEPS REPORT ALPHA SOURCE DIR\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct reference_settings set;
    struct reference_plate plate;
    char why[512];
    int check = argc == 3 && strcmp(argv[1], "--check") == 0, code;

    if (!check && (argc != 7 || whole(argv[2], 0, 0x7ffffffe, &set.steps) != 0 ||
                   whole(argv[3], 1, 0x7ffffffe, &set.report) != 0 ||
                   fraction(argv[4], 0.0, 0.25, &set.alpha) != 0 ||
                   fraction(argv[5], 0.0, 1e6, &set.source) != 0))
        return usage();
    code = reference_read(argv[check ? 2 : 1], &plate, why, sizeof why);
    if (code == 0) {
        if (check)
            printf("%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", plate.width, plate.height, plate.full);
        else
            code = reference_run(&plate, &set, argv[6], why, sizeof why);
        reference_release(&plate);
    }
    if (code != 0)
        fprintf(stderr, "heat: %s\n", why);
    return code;
}
