/*-------------------------------------------------------------------------
 *
 * route.c
 *	  From the series key of a line to its measurement and series.
 *
 * The raw bytes of measurement and tags are the key of an open-addressing
 * table, so that a key is taken apart once per call, not once per line.  A
 * source that samples many series sends them in the same order each time:
 * each entry remembers which one came next, and that one is compared before
 * anything is hashed (rusts_route in the header).
 *
 * Keys point into the input.  The table holds at most MAX_SERIES keys; when
 * it is full it is emptied, so memory is bounded whatever the
 * number of series in one call.
 *
 * src/ingest/route.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "ingest/report.h"
#include "ingest/route.h"
#include "ingest/text.h"

#define MAX_SERIES	(1024 * 1024)

static RustsTarget *find_target(RustsIngest *in, RustsLpText measurement);
static RustsTarget *make_target(RustsIngest *in, RustsBytes name);
static uint32 *find_slot(RustsIngest *in, RustsBytes key, uint32 hash);
static void make_room(RustsIngest *in);
static void fill_slots(RustsIngest *in);
static void *grow_fields(void *ptr, size_t size);

void
rusts_route_begin(RustsIngest *in)
{
	if (in->route_cxt == NULL)
		in->route_cxt = AllocSetContextCreate(in->call_cxt, "rusts route",
											  ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(in->route_cxt);
	rusts_names_init(&in->target_names, in->route_cxt, in->seed);
	in->targets = NULL;
	in->max_targets = 0;
	in->nopen = 0;
	in->series = NULL;
	in->nseries = 0;
	in->max_series = 0;
	in->series_slots = NULL;
	in->nseries_slots = 0;
	in->tags = NULL;
	in->max_tags = 0;
	in->split_key.data = NULL;
	in->scratch = NULL;
	in->scratch_size = 0;
	in->fault = NULL;
}

void
rusts_route_begin_pass(RustsIngest *in, RustsPass *pass, const char *data)
{
	memset(pass, 0, sizeof(*pass));
	rusts_lp_begin(&pass->parser, data, in->data + in->len - data,
				   in->time_unit, grow_fields);
	pass->series = RUSTS_NO_SERIES;
}

RustsSeries *
rusts_route_find(RustsIngest *in, RustsPass *pass)
{
	RustsBytes	key = pass->point.series_key;
	uint32		hash = rusts_key_hash(key.data, key.len, in->seed);
	uint32	   *slot = NULL;
	uint32		number;
	RustsSeries *series;

	if (in->nseries > 0)
		slot = find_slot(in, key, hash);
	if (slot == NULL || *slot == 0)
	{
		RustsLpText measurement;
		uint32		ntags;
		const char *error;
		RustsTarget *target;

		MemoryContextReset(in->line_cxt);
		error = rusts_route_split(in, key, &measurement, &ntags);
		if (error != NULL)
		{
			in->fault = rusts_fault_make(in->line_cxt,
										 ERRCODE_INVALID_TEXT_REPRESENTATION,
										 NULL, "%s", error);
			return NULL;
		}
		target = find_target(in, measurement);
		if (target == NULL)
			return NULL;

		if (in->nseries == in->max_series)
		{
			make_room(in);
			if (in->nseries == 0)
				pass->series = RUSTS_NO_SERIES;
		}
		slot = find_slot(in, key, hash);
		series = &in->series[in->nseries];
		series->key = key.data;
		series->len = key.len;
		series->hash = hash;
		series->target = target;
		series->next = in->nseries;
		series->number = 0;
		series->epoch = PG_UINT32_MAX;	/* no target has that */
		series->checked = false;
		*slot = ++in->nseries;
	}

	number = *slot - 1;
	if (pass->series != RUSTS_NO_SERIES)
		in->series[pass->series].next = number;
	pass->series = number;
	return &in->series[number];
}

const char *
rusts_route_split(RustsIngest *in, RustsBytes series_key,
				  RustsLpText *measurement, uint32 *ntags)
{
	const char *error = NULL;

	/* A new series is split to find its measurement, then to number it. */
	if (in->split_key.data != series_key.data ||
		in->split_key.len != series_key.len)
	{
		in->split_key.data = NULL;
		for (;;)
		{
			error = rusts_lp_parse_series(series_key, &in->measurement,
										  in->tags, in->max_tags, &in->ntags);
			if (error != NULL || in->ntags <= in->max_tags)
				break;
			if (in->tags != NULL)
				pfree(in->tags);
			in->max_tags = Max(in->ntags, 32);
			in->tags = MemoryContextAlloc(in->route_cxt,
										  sizeof(RustsLpTag) * in->max_tags);
		}
		if (error != NULL)
			return error;
		in->split_key = series_key;
	}
	*measurement = in->measurement;
	*ntags = in->ntags;
	return NULL;
}

void
rusts_route_unbind(RustsPass *pass)
{
	uint32		i;

	for (i = 0; i < pass->nbindings; i++)
		pass->bindings[i].target = NULL;
}

/*
 * The target for a measurement's name; NULL when there can be no such table.
 */
static RustsTarget *
find_target(RustsIngest *in, RustsLpText measurement)
{
	RustsBytes	name;
	int			number;

	if (!rusts_text_plain(in, measurement, rusts_lp_unescape_measurement,
						  &name))
	{
		in->fault = rusts_fault_make(in->line_cxt,
									 ERRCODE_UNTRANSLATABLE_CHARACTER, NULL,
									 "the measurement's name has a character that the database encoding lacks");
		return NULL;
	}
	if (name.len >= NAMEDATALEN)
	{
		in->fault = rusts_fault_make(in->line_cxt, ERRCODE_NAME_TOO_LONG,
									 "A table's name has at most 63 bytes.",
									 "the measurement's name has %u bytes",
									 name.len);
		return NULL;
	}

	number = rusts_names_find(&in->target_names, name);
	if (number >= 0)
		return in->targets[number];
	return make_target(in, name);
}

static RustsTarget *
make_target(RustsIngest *in, RustsBytes name)
{
	MemoryContext cxt;
	RustsTarget *target;
	int			number;

	number = rusts_names_add(&in->target_names, name);
	if (number >= in->max_targets)
	{
		in->max_targets = Max(16, in->max_targets * 2);
		if (in->targets == NULL)
			in->targets = MemoryContextAlloc(in->route_cxt,
											 sizeof(RustsTarget *) *
											 in->max_targets);
		else
			in->targets = repalloc(in->targets,
								   sizeof(RustsTarget *) * in->max_targets);
	}

	cxt = AllocSetContextCreate(in->route_cxt, "rusts target",
								ALLOCSET_SMALL_SIZES);
	target = MemoryContextAllocZero(cxt, sizeof(RustsTarget));
	target->cxt = cxt;
	target->name = in->target_names.names[number];
	rusts_names_init(&target->names, cxt, in->seed);
	in->targets[number] = target;
	return target;
}

/* The slot that holds the entry of key, or where it belongs. */
static uint32 *
find_slot(RustsIngest *in, RustsBytes key, uint32 hash)
{
	uint32		mask = in->nseries_slots - 1;
	uint32		slot;

	for (slot = hash & mask; in->series_slots[slot] != 0;
		 slot = (slot + 1) & mask)
	{
		const RustsSeries *series = &in->series[in->series_slots[slot] - 1];

		if (series->hash == hash && series->len == key.len &&
			memcmp(series->key, key.data, key.len) == 0)
			break;
	}
	return &in->series_slots[slot];
}

/* Make room for an entry: a larger table, or an empty one. */
static void
make_room(RustsIngest *in)
{
	if (in->max_series == MAX_SERIES)
	{
		in->nseries = 0;
		fill_slots(in);
		return;
	}

	if (in->max_series == 0)
	{
		in->max_series = 64;
		in->series = MemoryContextAlloc(in->route_cxt,
										sizeof(RustsSeries) * in->max_series);
	}
	else
	{
		in->max_series *= 2;
		in->series = repalloc(in->series,
							  sizeof(RustsSeries) * in->max_series);
		pfree(in->series_slots);
	}
	in->nseries_slots = in->max_series * 2;
	in->series_slots = MemoryContextAlloc(in->route_cxt,
										  sizeof(uint32) * in->nseries_slots);
	fill_slots(in);
}

static void
fill_slots(RustsIngest *in)
{
	uint32		mask = in->nseries_slots - 1;
	uint32		i;

	memset(in->series_slots, 0, sizeof(uint32) * in->nseries_slots);
	for (i = 0; i < in->nseries; i++)
	{
		uint32		slot = in->series[i].hash & mask;

		while (in->series_slots[slot] != 0)
			slot = (slot + 1) & mask;
		in->series_slots[slot] = i + 1;
	}
}

/* The parser's realloc: memory of the call. */
static void *
grow_fields(void *ptr, size_t size)
{
	if (ptr == NULL)
		return palloc_extended(size, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	return repalloc_huge(ptr, size);
}
