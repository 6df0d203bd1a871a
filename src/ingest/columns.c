/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  Points into the columns of an open measurement.
 *
 * The way from a field key to its column gets shorter the more regular the
 * lines are: the parser says that the first nsame keys are those of the line
 * before, then what is bound to these places holds without a look; otherwise
 * the key is compared with the one the measurement had at this place last;
 * otherwise it is looked up.
 *
 * Everything that does not fit, be it a new name or a mistake, only gives up
 * the row here; check.c finds out which it is.
 *
 * src/ingest/columns.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "ingest/columns.h"
#include "ingest/route.h"
#include "ingest/sharding.h"
#include "ingest/target.h"
#include "ingest/text.h"

static bool bind_field(RustsIngest *in, RustsPass *pass, RustsTarget *target,
					   uint32 place);
static void make_bindings(RustsIngest *in, RustsPass *pass);
static bool put_string(RustsIngest *in, RustsBuilder *builder, int column,
					   RustsLpText text);
static int	find_tag(RustsIngest *in, RustsTarget *target, uint32 place,
					 RustsLpText key);
static RustsKeySlot *get_slot(MemoryContext cxt, RustsKeySlot **slots,
							  uint32 *nslots, uint32 place);

int
rusts_columns_find_field(RustsIngest *in, RustsTarget *target, uint32 place,
						 const RustsLpField *field)
{
	RustsKeySlot *slot = get_slot(target->cxt, &target->field_slots,
								  &target->nfield_slots, place);
	RustsBytes	name;
	int			number;

	if (slot->len == field->key.len &&
		memcmp(slot->key, field->key.data, slot->len) == 0)
		return slot->number;

	if (!rusts_text_plain(in, field->key, rusts_lp_unescape_key, &name))
		return -1;
	number = rusts_names_find(&target->names, name);
	if (number >= 0)
	{
		slot->key = field->key.data;
		slot->len = field->key.len;
		slot->number = number;
	}
	return number;
}

bool
rusts_columns_number_series(RustsIngest *in, RustsSeries *series, int64 time)
{
	RustsTarget *target = series->target;
	RustsSchema *schema = target->schema;
	RustsBytes	key = {series->key, series->len};
	RustsLpText measurement;
	uint32		ntags;
	uint32		i;

	MemoryContextReset(in->line_cxt);
	if (rusts_route_split(in, key, &measurement, &ntags) != NULL)
		return false;

	for (i = 0; i < schema->ntags; i++)
		target->tag_values[i].data = NULL;
	for (i = 0; i < ntags; i++)
	{
		int			number = find_tag(in, target, i, in->tags[i].key);
		const RustsTargetColumn *column;
		RustsBytes *value;

		if (number < 0)
			return false;
		column = &target->columns[number];
		if (column->role != RUSTS_ROLE_TAG || column->column < 0)
			return false;
		if (column->denied)
			rusts_target_deny(target);
		value = &target->tag_values[target->tag_ordinal[column->column]];
		if (!rusts_text_plain(in, in->tags[i].value, rusts_lp_unescape_tag,
							  value))
			return false;
	}
	series->part = target->sharding == NULL ? 0 :
		rusts_sharding_part(target, time);
	series->epoch = target->epoch;
	if (target->parts[series->part].skip)
		return true;
	if (target->parts[series->part].builder == NULL)
		rusts_target_begin_part(target, &target->parts[series->part]);
	series->number =
		rusts_builder_series(target->parts[series->part].builder,
							 target->tag_values);
	return true;
}

bool
rusts_columns_append(RustsIngest *in, RustsPass *pass, RustsTarget *target,
					 RustsBuilder *builder, uint32 series)
{
	const RustsLpPoint *point = &pass->point;
	RustsBinding *bindings;
	uint32		nfields = point->nfields;
	uint32		nsame = point->nsame;
	uint32		i;
	int			ns;

	if (unlikely(nfields > pass->nbindings))
		make_bindings(in, pass);
	bindings = pass->bindings;

	rusts_builder_begin_row(builder, series);
	rusts_builder_put_int(builder, target->schema->time,
						  rusts_split_time(point->has_time ? point->time :
										   in->now_ns, &ns));
	if (target->schema->time_ns >= 0)
	{
		if (unlikely(ns != 0 && target->time_ns_denied))
			rusts_target_deny(target);
		rusts_builder_put_int(builder, target->schema->time_ns, ns);
	}
	else if (unlikely(ns != 0))
		goto unexpected;

	for (i = 0; i < nfields; i++)
	{
		const RustsLpField *field = &point->fields[i];
		RustsBinding *binding = &bindings[i];

		if (unlikely(i >= nsame || binding->target != target))
		{
			if (!bind_field(in, pass, target, i))
				goto unexpected;
		}
		if (unlikely(field->type != binding->type))
		{
			/* An unsigned integer is one more way to write an int8. */
			if (field->type != RUSTS_LP_UINT ||
				binding->type != RUSTS_LP_INT ||
				field->value.u > (uint64) PG_INT64_MAX)
				goto unexpected;
			rusts_builder_put_int(builder, binding->column,
								  (int64) field->value.u);
			continue;
		}
		switch (field->type)
		{
			case RUSTS_LP_FLOAT:
				rusts_builder_put_float(builder, binding->column,
										field->value.f);
				break;
			case RUSTS_LP_INT:
				rusts_builder_put_int(builder, binding->column,
									  field->value.i);
				break;
			case RUSTS_LP_STRING:
				if (!put_string(in, builder, binding->column,
								field->value.s))
					goto unexpected;
				break;
			case RUSTS_LP_BOOL:
				rusts_builder_put_bool(builder, binding->column,
									   field->value.b);
				break;
			case RUSTS_LP_UINT:
				goto unexpected;
		}
	}
	rusts_builder_end_row(builder);
	return true;

unexpected:
	rusts_builder_cancel_row(builder);
	return false;
}

/* Bind a place to the column its key leads to; false if there is none. */
static bool
bind_field(RustsIngest *in, RustsPass *pass, RustsTarget *target,
		   uint32 place)
{
	RustsBinding *binding = &pass->bindings[place];
	const RustsTargetColumn *column;
	int			number;

	binding->target = NULL;
	number = rusts_columns_find_field(in, target, place,
									  &pass->point.fields[place]);
	if (number < 0)
		return false;
	column = &target->columns[number];
	if (column->role != RUSTS_ROLE_FIELD || column->column < 0)
		return false;
	if (column->denied)
		rusts_target_deny(target);
	binding->target = target;
	binding->column = column->column;
	binding->type = column->type;
	return true;
}

/* As many bindings as the point has fields, or more. */
static void
make_bindings(RustsIngest *in, RustsPass *pass)
{
	uint32		nbindings = Max(16, pass->nbindings);

	while (nbindings < pass->point.nfields)
		nbindings *= 2;
	if (pass->bindings == NULL)
		pass->bindings = MemoryContextAlloc(in->route_cxt,
											sizeof(RustsBinding) * nbindings);
	else
		pass->bindings = repalloc(pass->bindings,
								  sizeof(RustsBinding) * nbindings);
	memset(pass->bindings + pass->nbindings, 0,
		   sizeof(RustsBinding) * (nbindings - pass->nbindings));
	pass->nbindings = nbindings;
}

/* Strings that had to be changed are copied, the others stay in the input. */
static bool
put_string(RustsIngest *in, RustsBuilder *builder, int column,
		   RustsLpText text)
{
	RustsBytes	value;

	if (likely(!text.escaped && !OidIsValid(in->converter)))
	{
		value.data = text.data;
		value.len = text.len;
		rusts_builder_put_bytes(builder, column, value);
		return true;
	}

	MemoryContextReset(in->line_cxt);
	if (!rusts_text_plain(in, text, rusts_lp_unescape_string, &value))
		return false;
	rusts_builder_put_bytes_copy(builder, column, value);
	return true;
}

static int
find_tag(RustsIngest *in, RustsTarget *target, uint32 place, RustsLpText key)
{
	RustsKeySlot *slot = get_slot(target->cxt, &target->tag_slots,
								  &target->ntag_slots, place);
	RustsBytes	name;
	int			number;

	if (slot->len == key.len && memcmp(slot->key, key.data, key.len) == 0)
		return slot->number;

	if (!rusts_text_plain(in, key, rusts_lp_unescape_tag, &name))
		return -1;
	number = rusts_names_find(&target->names, name);
	if (number >= 0)
	{
		slot->key = key.data;
		slot->len = key.len;
		slot->number = number;
	}
	return number;
}

/* Slot number place, made when it is new. */
static RustsKeySlot *
get_slot(MemoryContext cxt, RustsKeySlot **slots, uint32 *nslots,
		 uint32 place)
{
	if (unlikely(place >= *nslots))
	{
		uint32		wanted = Max(16, *nslots);

		while (wanted <= place)
			wanted *= 2;
		if (*slots == NULL)
			*slots = MemoryContextAlloc(cxt, sizeof(RustsKeySlot) * wanted);
		else
			*slots = repalloc(*slots, sizeof(RustsKeySlot) * wanted);
		/* No key is that long, so new slots match nothing. */
		memset(*slots + *nslots, 0xFF,
			   sizeof(RustsKeySlot) * (wanted - *nslots));
		*nslots = wanted;
	}
	return &(*slots)[place];
}
