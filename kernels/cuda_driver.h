/* cuda_driver.h - the CUDA driver of this machine, if it has one
 *
 * Never in a rank: a call into the driver may hang for ever beside a broken device (its process cannot even be killed
 * then).  Only in processes that may be abandoned: `treewarden probe`, and the worker of a GPU.
 */
#ifndef TW_KERNELS_CUDA_DRIVER_H
#define TW_KERNELS_CUDA_DRIVER_H

#include <stdbool.h>

#include "base/reason.h"
#include "kernels/cuda_api.h"

/* Open libcuda.so.1, resolve all calls, initialise.  0 with *ret filled: for the rest of the process.  TW_ENOENT: there
 * is no driver, or only the toolkit's stub; TW_ESYS: there is one and it refuses; the reason says which and what to do.
 * Takes up to seconds where no persistence daemon keeps the driver loaded. */
int cuda_open(struct cuda_api *ret, struct reason *why);

/* Does the environment (CUDA_LAUNCH_BLOCKING) make every launch wait for its kernel's end?  A resident one has none. */
bool cuda_launches_block(void);

/* What a result is the end of; one that we do not know: of the process. */
enum cuda_fault cuda_fault_of(cuda_result code);

/* The driver's name of a call of struct cuda_api, "cuInit"; borrowed. */
const char *cuda_call_name(const char *call);

/* A device's name for CUDA_VISIBLE_DEVICES, "GPU-..."; "" if the driver does not say. */
#define CUDA_UUID_TEXT 48
void cuda_uuid_text(const struct cuda_api *api, cuda_device device, char ret[CUDA_UUID_TEXT]);

/* The driver's own word for a result, "CUDA_ERROR_..."; "?" if it has none. */
const char *cuda_error_name(const struct cuda_api *api, cuda_result code);

#endif
