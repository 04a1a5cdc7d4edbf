/* cuda_worker.h - the worker process of one GPU: one resident kernel, whose blocks are the slots
 *
 * As worker/worker.h says of host workers: it keeps nothing of worth, all that must survive lies in the arena.  It has
 * one thread, the control thread: it loads, launches, and then asks the driver every millisecond whether the kernel
 * still runs, passes rings on to the rank and watches block 0.  Any fault of the device ends the process, at once and
 * without a call of the driver that could hang: a GPU's faults end a context, never less.
 * Sources: CUDA driver API 13.0, cuda.h (errors after which "the process must be terminated and relaunched").
 */
#ifndef TW_KERNELS_CUDA_WORKER_H
#define TW_KERNELS_CUDA_WORKER_H

#include "worker/worker.h"

/* Run one; returns only an exit status for a worker that never started. */
int cuda_worker_main(const struct worker_args *args);

#endif
