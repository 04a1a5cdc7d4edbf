/* hd.h - for functions that a GPU runs as a host does */
#ifndef TW_SHARED_HD_H
#define TW_SHARED_HD_H

#ifdef __CUDACC__
#define HD __host__ __device__
#else
#define HD
#endif

#endif
