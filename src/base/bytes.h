/*-------------------------------------------------------------------------
 *
 * bytes.h
 *	  Byte strings by reference, and little-endian loads and stores.
 *
 * src/base/bytes.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_BYTES_H
#define RUSTS_BYTES_H

#include "c.h"

/*
 * A byte string somebody else owns.  data is NULL for SQL NULL only; an empty
 * string has len 0 and any non-NULL data.
 */
typedef struct RustsBytes
{
	const char *data;
	uint32		len;
} RustsBytes;

static inline bool
rusts_bytes_equal(RustsBytes a, RustsBytes b)
{
	if (a.data == NULL || b.data == NULL)
		return a.data == b.data;
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* Bytewise order, NULL after everything. */
static inline int
rusts_bytes_compare(RustsBytes a, RustsBytes b)
{
	int			cmp;

	if (a.data == NULL || b.data == NULL)
		return (a.data == NULL) - (b.data == NULL);
	cmp = memcmp(a.data, b.data, Min(a.len, b.len));
	if (cmp != 0)
		return cmp;
	return (a.len > b.len) - (a.len < b.len);
}

/*
 * Unaligned little-endian access.  The disk format is little-endian on every
 * machine; compilers turn these into single moves where the CPU agrees.
 */
#ifdef WORDS_BIGENDIAN
#define RUSTS_LE16(x)	__builtin_bswap16(x)
#define RUSTS_LE32(x)	__builtin_bswap32(x)
#define RUSTS_LE64(x)	__builtin_bswap64(x)
#else
#define RUSTS_LE16(x)	(x)
#define RUSTS_LE32(x)	(x)
#define RUSTS_LE64(x)	(x)
#endif

static inline uint16
rusts_get_u16(const void *p)
{
	uint16		v;

	memcpy(&v, p, sizeof(v));
	return RUSTS_LE16(v);
}

static inline uint32
rusts_get_u32(const void *p)
{
	uint32		v;

	memcpy(&v, p, sizeof(v));
	return RUSTS_LE32(v);
}

static inline uint64
rusts_get_u64(const void *p)
{
	uint64		v;

	memcpy(&v, p, sizeof(v));
	return RUSTS_LE64(v);
}

static inline void
rusts_put_u16(void *p, uint16 v)
{
	v = RUSTS_LE16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
rusts_put_u32(void *p, uint32 v)
{
	v = RUSTS_LE32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
rusts_put_u64(void *p, uint64 v)
{
	v = RUSTS_LE64(v);
	memcpy(p, &v, sizeof(v));
}

#endif							/* RUSTS_BYTES_H */
