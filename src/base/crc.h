/*-------------------------------------------------------------------------
 *
 * crc.h
 *	  CRC-32C of some bytes, as it stands on disk.
 *
 * src/base/crc.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CRC_H
#define RUSTS_CRC_H

#include "c.h"
#include "port/pg_crc32c.h"

/* Of one piece followed by another; data may be NULL where len is 0. */
static inline uint32
rusts_crc32c_of_two(const void *first, size_t first_len,
					const void *second, size_t second_len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	if (first_len > 0)
		COMP_CRC32C(crc, first, first_len);
	if (second_len > 0)
		COMP_CRC32C(crc, second, second_len);
	FIN_CRC32C(crc);
	return crc;
}

static inline uint32
rusts_crc32c(const void *data, size_t len)
{
	return rusts_crc32c_of_two(data, len, NULL, 0);
}

#endif							/* RUSTS_CRC_H */
