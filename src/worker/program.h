/* program.h - an actor program, loaded and checked before anything of it runs */
#ifndef TW_WORKER_PROGRAM_H
#define TW_WORKER_PROGRAM_H

#include <treewarden/actor.h>

#include <stdbool.h>

#include "base/reason.h"

/* The whole file PATH (a .so made by `treewarden cc`) in a sealed memfd, *ret_fd (owned), so that the ranks'
 * workers load the same bytes for as long as the job lives, whatever becomes of the file or its file system.
 * *ret_hash: of the bytes.  0; TW_ENOENT (no such file, or no file), TW_ESYS, with the reason. */
int program_image(const char *path, int *ret_fd, uint64_t *ret_hash, struct reason *why);

/* The same of bytes that are part of this program; name: in texts. */
int program_image_of(const char *name, const void *bytes, size_t count, int *ret_fd, uint64_t *ret_hash,
                     struct reason *why);

/* The same of the device code beside a program: NAME.fatbin beside NAME.so, made by `treewarden cc --cuda`. */
int program_fatbin(const char *path, int *ret_fd, uint64_t *ret_hash, struct reason *why);

/* Load an image; path: its name in texts.  *ret is borrowed from the module, which stays loaded for the life
 * of the process: its code may be running; the table is our own, with TW_TYPE_HOST where the program says so.  0;
 * TW_ENOMEM; TW_EPROTO (cut short, no program table, one of another API version, or one that makes no sense), with the
 * reason. */
int program_open(const char *path, int image_fd, const struct tw_program **ret, struct reason *why);

/* Is this what the loader calls a module that was opened here? */
bool program_is_image(const char *name);

/* The number of an actor type, TW_ENOENT. */
int program_type(const struct tw_program *p, const char *name);

#endif
