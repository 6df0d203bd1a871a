/*-------------------------------------------------------------------------
 *
 * arrays.c
 *	  Lists and sets as SQL arrays.
 *
 * src/cluster/arrays.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "cluster/arrays.h"
#include "compat.h"

ArrayType *
rusts_shards_array(const Bitmapset *shards)
{
	Datum	   *elements = palloc_array(Datum, bms_num_members(shards) + 1);
	int			n = 0;
	int			shard = -1;

	while ((shard = bms_next_member(shards, shard)) >= 0)
		elements[n++] = Int32GetDatum(shard);
	return construct_array(elements, n, INT4OID, sizeof(int32), true,
						   TYPALIGN_INT);
}

ArrayType *
rusts_texts_array(const List *texts)
{
	Datum	   *elements = palloc_array(Datum, list_length(texts) + 1);
	int			n = 0;
	ListCell   *cell;

	foreach(cell, texts)
		elements[n++] = CStringGetTextDatum(lfirst(cell));
	return construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT);
}
