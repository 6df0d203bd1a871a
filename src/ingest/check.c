/*-------------------------------------------------------------------------
 *
 * check.c
 *	  Does a point fit its measurement, and what would the table need?
 *
 * This is where all rules about names and types are, in the order in which
 * they are reported.  It is called for points that something is odd
 * about, so it starts from nothing and takes the line's keys one by one.
 *
 * Names that are not columns yet are entered while the line is read, so that
 * a tag and a field of one name meet, and taken back unless they are wanted.
 *
 * src/ingest/check.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/heap.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "ingest/check.h"
#include "ingest/columns.h"
#include "ingest/report.h"
#include "ingest/route.h"
#include "ingest/target.h"
#include "ingest/text.h"

/* Leave the fault of the line in in->fault; false. */
#define bad(in, ...) \
	((in)->fault = rusts_fault_make((in)->line_cxt, __VA_ARGS__), false)

static bool check_tags(RustsIngest *in, RustsTarget *target,
					   RustsBytes series_key, bool *is_new);
static bool check_field(RustsIngest *in, RustsTarget *target,
						const RustsLpField *field, bool *is_new);
static bool check_time(RustsIngest *in, RustsTarget *target,
					   const RustsLpPoint *point, bool *is_new);
static bool find_or_add(RustsIngest *in, RustsTarget *target, RustsBytes name,
						RustsRole role, RustsLpType type, int *number);
static bool check_name(RustsIngest *in, RustsTarget *target, RustsBytes name,
					   const char *what);
static bool check_schema_change(RustsIngest *in, RustsTarget *target,
								uint32 nnames);
static const char *type_name(RustsLpType type);
static const char *role_name(RustsRole role);

RustsLineCheck
rusts_check_line(RustsIngest *in, RustsTarget *target,
				 const RustsLpPoint *point, bool collect)
{
	uint32		nnames = target->names.nnames;
	bool		is_new = !target->exists;
	bool		good;
	uint32		i;

	Assert(target->known);
	MemoryContextReset(in->line_cxt);
	if (target->refusal != NULL)
	{
		in->fault = target->refusal;
		return RUSTS_LINE_BAD;
	}

	good = check_tags(in, target, point->series_key, &is_new);
	for (i = 0; good && i < point->nfields; i++)
		good = check_field(in, target, &point->fields[i], &is_new);
	if (good)
		good = check_time(in, target, point, &is_new);
	if (good && is_new)
		good = check_schema_change(in, target, nnames);

	if (!good || !collect)
		rusts_names_truncate(&target->names, nnames);
	if (!good)
		return RUSTS_LINE_BAD;
	return is_new ? RUSTS_LINE_NEW : RUSTS_LINE_KNOWN;
}

static bool
check_tags(RustsIngest *in, RustsTarget *target, RustsBytes series_key,
		   bool *is_new)
{
	RustsLpText measurement;
	uint32		ntags;
	const char *error;
	uint32		i;

	error = rusts_route_split(in, series_key, &measurement, &ntags);
	if (error != NULL)
		return bad(in, ERRCODE_INVALID_TEXT_REPRESENTATION, NULL, "%s", error);

	for (i = 0; i < ntags; i++)
	{
		RustsBytes	name;
		RustsBytes	value;
		int			number;

		if (!rusts_text_plain(in, in->tags[i].key, rusts_lp_unescape_tag,
							  &name) ||
			!rusts_text_plain(in, in->tags[i].value, rusts_lp_unescape_tag,
							  &value))
			return bad(in, ERRCODE_UNTRANSLATABLE_CHARACTER, NULL,
					   "a tag has a character that the database encoding lacks");
		if (!find_or_add(in, target, name, RUSTS_ROLE_TAG, RUSTS_LP_STRING,
						 &number))
			return false;
		*is_new |= target->columns[number].column < 0;
	}
	return true;
}

static bool
check_field(RustsIngest *in, RustsTarget *target, const RustsLpField *field,
			bool *is_new)
{
	RustsLpType type = field->type;
	RustsTargetColumn *column;
	RustsBytes	name;
	RustsBytes	value;
	int			number;

	if (!rusts_text_plain(in, field->key, rusts_lp_unescape_key, &name) ||
		(type == RUSTS_LP_STRING &&
		 !rusts_text_plain(in, field->value.s, rusts_lp_unescape_string,
						   &value)))
		return bad(in, ERRCODE_UNTRANSLATABLE_CHARACTER, NULL,
				   "a field has a character that the database encoding lacks");

	if (type == RUSTS_LP_UINT)
		type = RUSTS_LP_INT;
	if (!find_or_add(in, target, name, RUSTS_ROLE_FIELD, type, &number))
		return false;

	column = &target->columns[number];
	*is_new |= column->column < 0;
	if (column->type == 0)
		return bad(in, ERRCODE_DATATYPE_MISMATCH,
				   "Fields are stored as double precision, bigint, text or boolean.",
				   "column \"%s\" of measurement \"%s\" is of type %s, which no field value has",
				   target->names.names[number].data, target->name.data,
				   format_type_be(column->typid));
	if (column->type != type)
		return bad(in, ERRCODE_DATATYPE_MISMATCH,
				   "A field keeps the type of its first value.",
				   "field \"%s\" of measurement \"%s\" is of type %s, but the value is %s",
				   target->names.names[number].data, target->name.data,
				   type_name(column->type), type_name(field->type));
	if (field->type == RUSTS_LP_UINT &&
		field->value.u > (uint64) PG_INT64_MAX)
		return bad(in, ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
				   "Unsigned integers are stored as bigint, whose largest value is 9223372036854775807.",
				   "value " UINT64_FORMAT " of field \"%s\" is out of range",
				   field->value.u, target->names.names[number].data);
	return true;
}

/* Nanoseconds have a column of their own as soon as a point needs it. */
static bool
check_time(RustsIngest *in, RustsTarget *target, const RustsLpPoint *point,
		   bool *is_new)
{
	RustsBytes	name = {RUSTS_TIME_NS_COLUMN, strlen(RUSTS_TIME_NS_COLUMN)};
	int			number;
	int			ns;

	(void) rusts_split_time(point->has_time ? point->time : in->now_ns, &ns);
	if (ns == 0)
		return true;

	number = rusts_names_find(&target->names, name);
	if (number < 0)
		number = rusts_target_add_column(target, name, RUSTS_ROLE_TIME_NS, 0);
	else if (target->columns[number].role != RUSTS_ROLE_TIME_NS)
		return bad(in, ERRCODE_DATATYPE_MISMATCH,
				   "The nanoseconds of timestamps are kept there.",
				   "column \"%s\" of measurement \"%s\" is not of type smallint",
				   RUSTS_TIME_NS_COLUMN, target->name.data);
	*is_new |= target->columns[number].column < 0;
	return true;
}

/*
 * The column of a tag or field, entered if there is none; it has the role, but
 * perhaps not the type.
 */
static bool
find_or_add(RustsIngest *in, RustsTarget *target, RustsBytes name,
			RustsRole role, RustsLpType type, int *number)
{
	const char *what = role_name(role);

	*number = rusts_names_find(&target->names, name);
	if (*number < 0)
	{
		if (!check_name(in, target, name, what))
			return false;
		*number = rusts_target_add_column(target, name, role, type);
		return true;
	}

	if (target->columns[*number].role == role)
		return true;
	if (target->columns[*number].role == RUSTS_ROLE_TIME ||
		target->columns[*number].role == RUSTS_ROLE_TIME_NS)
		return check_name(in, target, name, what);
	return bad(in, ERRCODE_DUPLICATE_COLUMN,
			   "A tag and a field of one measurement cannot have the same name. Label a text column as tag with SECURITY LABEL FOR rusts ON COLUMN ... IS 'tag'.",
			   "%s \"%s\" has the name of a %s of measurement \"%s\"",
			   what, target->names.names[*number].data,
			   role_name(target->columns[*number].role), target->name.data);
}

/* Can there be a column of this name? */
static bool
check_name(RustsIngest *in, RustsTarget *target, RustsBytes name,
		   const char *what)
{
	char	   *copy;

	if (name.len >= NAMEDATALEN)
		return bad(in, ERRCODE_NAME_TOO_LONG,
				   "A column's name has at most 63 bytes.",
				   "the name of a %s of measurement \"%s\" has %u bytes",
				   what, target->name.data, name.len);

	copy = MemoryContextAlloc(in->line_cxt, name.len + 1);
	memcpy(copy, name.data, name.len);
	copy[name.len] = '\0';
	if (strcmp(copy, RUSTS_TIME_COLUMN) == 0 ||
		strcmp(copy, RUSTS_TIME_NS_COLUMN) == 0)
		return bad(in, ERRCODE_RESERVED_NAME,
				   "The columns \"time\" and \"time_ns\" hold the timestamp.",
				   "a %s cannot be called \"%s\"", what, copy);
	if (SystemAttributeByName(copy) != NULL)
		return bad(in, ERRCODE_RESERVED_NAME,
				   "PostgreSQL has system columns tableoid, xmin, cmin, xmax, cmax and ctid.",
				   "a %s cannot be called \"%s\", the name of a system column",
				   what, copy);
	return true;
}

/*
 * May and can the names from nnames on become columns?
 */
static bool
check_schema_change(RustsIngest *in, RustsTarget *target, uint32 nnames)
{
	uint32		nmissing = target->names.nnames - target->nexisting;

	if (!rusts_schema_on_write)
	{
		const char *hint =
			"Schema changes by rusts_write are disabled by rusts.schema_on_write.";
		uint32		first = target->nexisting;

		if (!target->exists)
			return bad(in, ERRCODE_UNDEFINED_TABLE, hint,
					   "measurement \"%s\" does not exist",
					   target->name.data);
		return bad(in, ERRCODE_UNDEFINED_COLUMN, hint,
				   "%s \"%s\" of measurement \"%s\" does not exist",
				   role_name(target->columns[first].role),
				   target->names.names[first].data, target->name.data);
	}

	if (target->exists && target->is_partition)
		return bad(in, ERRCODE_WRONG_OBJECT_TYPE,
				   "Write to the partitioned table, or add the column to it.",
				   "cannot add %s \"%s\" to partition \"%s\"",
				   role_name(target->columns[target->nexisting].role),
				   target->names.names[target->nexisting].data,
				   target->name.data);

	if (target->natts + nmissing > MaxHeapAttributeNumber &&
		target->names.nnames > nnames)
		return bad(in, ERRCODE_TOO_MANY_COLUMNS,
				   "Dropped columns count, too. Use tags or several measurements in place of ever new fields.",
				   "measurement \"%s\" would have %u columns, more than the limit of %d",
				   target->name.data, target->natts + nmissing,
				   MaxHeapAttributeNumber);
	return true;
}

static const char *
type_name(RustsLpType type)
{
	switch (type)
	{
		case RUSTS_LP_FLOAT:
			return "float";
		case RUSTS_LP_INT:
			return "integer";
		case RUSTS_LP_UINT:
			return "unsigned integer";
		case RUSTS_LP_STRING:
			return "string";
		case RUSTS_LP_BOOL:
			return "boolean";
	}
	return "unknown";
}

static const char *
role_name(RustsRole role)
{
	switch (role)
	{
		case RUSTS_ROLE_FIELD:
			return "field";
		case RUSTS_ROLE_TAG:
			return "tag";
		case RUSTS_ROLE_TIME:
		case RUSTS_ROLE_TIME_NS:
			return "time column";
	}
	return "column";
}
