/*-------------------------------------------------------------------------
 *
 * names.h
 *	  Numbered sets of names: measurements of a call, columns of a table.
 *
 * src/ingest/names.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_NAMES_H
#define RUSTS_NAMES_H

#include "base/bytes.h"

/* Names in the order of their arrival, 0 .. nnames - 1. */
typedef struct RustsNames
{
	MemoryContext cxt;
	uint64		seed;			/* of the hashes */
	uint32		nnames;
	uint32		max_names;
	RustsBytes *names;			/* null-terminated copies */
	uint32	   *hashes;
	uint32		nslots;			/* power of two, 0 while there are no names */
	uint32	   *slots;			/* number + 1, 0 = free */
} RustsNames;

extern void rusts_names_init(RustsNames *names, MemoryContext cxt,
							 uint64 seed);

/* The number of a name, -1 if it is not there. */
extern int	rusts_names_find(const RustsNames *names, RustsBytes name);

/* Enter a name that is not there yet; it is copied.  Returns its number. */
extern int	rusts_names_add(RustsNames *names, RustsBytes name);

/* Forget all names but the first nnames. */
extern void rusts_names_truncate(RustsNames *names, uint32 nnames);

/*
 * A hash of a byte string, for tables that live no longer than a call: it
 * depends on the machine's byte order.
 */
static inline uint32
rusts_key_hash(const char *key, uint32 len, uint64 seed)
{
	uint64		hash = seed ^ len;
	uint64		word;

	for (; len >= 8; key += 8, len -= 8)
	{
		memcpy(&word, key, 8);
		hash = (hash ^ word) * UINT64CONST(0x9E3779B97F4A7C15);
		hash ^= hash >> 32;
	}
	word = 0;
	if (len > 0)
		memcpy(&word, key, len);
	hash = (hash ^ word) * UINT64CONST(0xD6E8FEB86659FD93);
	hash ^= hash >> 32;
	hash *= UINT64CONST(0x9E3779B97F4A7C15);
	return (uint32) (hash >> 32);
}

#endif							/* RUSTS_NAMES_H */
