/* letter.h - the bytes of a dead letter: STATE-DIR/letter.GENERATION.RANK.NUMBER
 *
 * What they are - sender, receiver, type, number - stands in the journal's `dead_letter` record that names the file.
 */
#ifndef TW_STORE_LETTER_H
#define TW_STORE_LETTER_H

#include <stdint.h>

#include "base/reason.h"

#define LETTER_NAME "letter.%u.%d.%u"   /* generation, rank, number: from 1 */
#define LETTERS_KEPT 256u               /* of a rank, with their bytes; later ones are only recorded */

/* Write DIR's letter of that name (created, 0600).  0; TW_ESYS with the reason.  Blocks: writer thread. */
int letter_write(const char *dir, unsigned generation, int rank, uint32_t number, const void *body, uint32_t bytes,
                 struct reason *why);

#endif
