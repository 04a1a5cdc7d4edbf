/* hd.h - for functions that a GPU runs as a host does */
#ifndef TW_SHARED_HD_H
#define TW_SHARED_HD_H

#ifdef __CUDACC__
#define HD __host__ __device__
#else
#define HD
#endif

/* Is what is compiled here for the blocks of a resident kernel?  In tests these may be threads of the host. */
#if defined(__CUDA_ARCH__) || defined(TW_BLOCKS)
#define TW_ON_DEVICE 1
#endif

#endif
