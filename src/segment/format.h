/*-------------------------------------------------------------------------
 *
 * format.h
 *	  The image of a segment, version 1; doc/format.md is the norm.
 *
 * All numbers are little-endian.
 *
 *		0	uint32	magic
 *		4	uint16	version
 *		6	uint16	flags
 *		8	uint32	rows
 *		12	uint32	blocks
 *		16	uint32	series
 *		20	uint16	tags
 *		22	uint16	columns (tags excluded)
 *		24	uint64	length of the series table
 *		32	uint64	length of the block directory
 *		40	uint64	length of the row order (0 = none)
 *		48	uint64	length of the column streams
 *		56	uint32	CRC-32C of bytes 0..55 and of the first three parts
 *		60	uint32	CRC-32C of the column streams
 *		64	the four parts in this order
 *
 * An "array" below is a sequence of values cut into chunks of at most
 * RUSTS_BLOCK_ROWS; each chunk is a varint with its length in bytes, then a
 * column block (codec/block.h) of one run.
 *
 * Series table: uint16 attribute number of each tag; then, for each chunk of
 * at most RUSTS_BLOCK_ROWS series, the rows of each series and the value of
 * each tag, every one of them as a chunk of an array.
 *
 * Block directory: an array with the rows of each block; then for each
 * column
 *
 *		0	uint16	attribute number
 *		2	uint8	kind
 *		3	uint8	flags
 *
 * and, unless all its values are null, an array of the lengths of its blocks
 * and, if it has statistics, arrays of the blocks' number of nulls, smallest,
 * largest, first and last value, and sum.
 *
 * Row order: an array with the place each row had when its TID was made.
 *
 * Column streams: column by column, its blocks one after the other.
 *
 * src/segment/format.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_FORMAT_H
#define RUSTS_FORMAT_H

#define RUSTS_SEGMENT_MAGIC			0x53545352	/* "RSTS" */
#define RUSTS_SEGMENT_VERSION		1

#define RUSTS_SEGMENT_ORDERED		0x0001	/* has a row order */

#define RUSTS_COLUMN_ALL_NULL		0x01	/* no blocks at all */
#define RUSTS_COLUMN_STATS			0x02	/* has the arrays of statistics */
#define RUSTS_COLUMN_SUM_OVERFLOW	0x04	/* sums are not usable */

#define RUSTS_HEADER_MAGIC			0
#define RUSTS_HEADER_VERSION		4
#define RUSTS_HEADER_FLAGS			6
#define RUSTS_HEADER_ROWS			8
#define RUSTS_HEADER_BLOCKS			12
#define RUSTS_HEADER_SERIES			16
#define RUSTS_HEADER_TAGS			20
#define RUSTS_HEADER_COLUMNS		22
#define RUSTS_HEADER_SERIES_LEN		24
#define RUSTS_HEADER_DIRECTORY_LEN	32
#define RUSTS_HEADER_ORDER_LEN		40
#define RUSTS_HEADER_STREAMS_LEN	48
#define RUSTS_HEADER_META_CRC		56
#define RUSTS_HEADER_STREAMS_CRC	60
#define RUSTS_HEADER_SIZE			64

#endif							/* RUSTS_FORMAT_H */
