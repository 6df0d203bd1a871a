/*-------------------------------------------------------------------------
 *
 * cache.h
 *	  A backend's cache of segments' parts.
 *
 * src/segment/cache.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CACHE_H
#define RUSTS_CACHE_H

#include "segment/parts.h"

/*
 * The parts of a segment, if they are at hand.  Each hold ends with a
 * release; who holds parts releases them on error, too (readers do so when
 * their memory context is reset).
 */
extern RustsParts *rusts_cache_hold(int64 storage_id, int64 segment_id);

/* Hand parts over to the cache; the caller holds them. */
extern void rusts_cache_enter(RustsParts *parts);

extern void rusts_cache_release(RustsParts *parts);

#endif							/* RUSTS_CACHE_H */
