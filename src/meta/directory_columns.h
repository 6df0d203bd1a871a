/*-------------------------------------------------------------------------
 *
 * directory_columns.h
 *	  The columns of rusts.segment, for those who read it themselves.
 *
 * src/meta/directory_columns.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DIRECTORY_COLUMNS_H
#define RUSTS_DIRECTORY_COLUMNS_H

enum
{
	Anum_storage_id = 1,
	Anum_segment_id,
	Anum_bytes,
	Anum_raw_bytes,
	Anum_min_time,
	Anum_max_time,
	Anum_time_partition,
	Anum_written_at,
	Anum_nrows,
	Anum_level,
	Anum_first_block,
	Anum_nblocks,
	Anum_tag_filter,
	Anum_payload,
	Anum_cold_table,
	Anum_write_order,
	Anum_key_columns
};
#define Natts_segment	Anum_key_columns

#endif							/* RUSTS_DIRECTORY_COLUMNS_H */
