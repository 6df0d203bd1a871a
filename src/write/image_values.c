/*-------------------------------------------------------------------------
 *
 * image_values.c
 *	  Values of an image that came from another node: are they any?
 *
 * An image holds values as the server has them in memory, and what the server
 * takes for a value of a type it does not look at again.  So each one is
 * compared with what the type's input function might have made.
 *
 * src/write/image_values.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "write/image_check.h"

/* Of utils/adt/numeric.c: how a numeric's header begins. */
#define NUMERIC_SIGN_BITS	0xc000
#define NUMERIC_SHORT_BIT	0x8000
#define NUMERIC_NAN_HEADER	0xc000
#define NUMERIC_PINF_HEADER	0xd000
#define NUMERIC_NINF_HEADER	0xf000
#define NUMERIC_BASE		10000

static void refuse_value(RustsIncoming *in, Form_pg_attribute att);
static bool is_int(Form_pg_attribute att, int64 value);
static bool is_bytes(Form_pg_attribute att, RustsBytes value);
static bool is_numeric(RustsBytes value, int32 typmod);
static bool has_precision(RustsBytes value, int32 typmod);

void
rusts_image_check_vector(RustsIncoming *in, AttrNumber attno,
						 const RustsVector *vector)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(in->rel),
										  attno - 1);
	uint32		i;

	switch (vector->kind)
	{
		case RUSTS_KIND_INT:
			for (i = 0; i < vector->nrows; i++)
			{
				/* Of rows that are null there is 0. */
				if (!is_int(att, vector->v.ints[i]))
					refuse_value(in, att);
			}
			break;
		case RUSTS_KIND_FLOAT:
			break;
		case RUSTS_KIND_BOOL:
			for (i = 0; i < vector->nrows; i++)
			{
				if (vector->v.bools[i] > 1)
					refuse_value(in, att);
			}
			break;
		case RUSTS_KIND_BYTES:
			rusts_image_check_bytes(in, attno, vector->v.bytes.distinct,
									vector->v.bytes.ndistinct);
			break;
	}
}

void
rusts_image_check_bytes(RustsIncoming *in, AttrNumber attno,
						const RustsBytes *values, uint32 n)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(in->rel),
										  attno - 1);
	uint32		i;

	for (i = 0; i < n; i++)
	{
		if (!is_bytes(att, values[i]))
			refuse_value(in, att);
	}
}

static void
refuse_value(RustsIncoming *in, Form_pg_attribute att)
{
	rusts_image_report(in,
					   psprintf("A value of column \"%s\" is not of type %s.",
								NameStr(att->attname),
								format_type_with_typemod(att->atttypid,
														 att->atttypmod)));
}

static bool
is_int(Form_pg_attribute att, int64 value)
{
	switch (att->atttypid)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return TIMESTAMP_NOT_FINITE(value) || IS_VALID_TIMESTAMP(value);
		case DATEOID:
			return value >= PG_INT32_MIN && value <= PG_INT32_MAX &&
				(DATE_NOT_FINITE(value) || IS_VALID_DATE(value));
		case TIMEOID:
			return value >= 0 && value <= USECS_PER_DAY;
		default:
			return rusts_datum_int(rusts_int_datum(value, att->attlen),
								   att->attlen) == value;
	}
}

static bool
is_bytes(Form_pg_attribute att, RustsBytes value)
{
	/* Fixed lengths are compared when they are decoded. */
	if (att->attlen == -1 && value.len > MaxAllocSize - VARHDRSZ)
		return false;
	switch (att->atttypid)
	{
		case TEXTOID:
			return pg_verify_mbstr(GetDatabaseEncoding(), value.data,
								   value.len, false);
		case VARCHAROID:
			return pg_verify_mbstr(GetDatabaseEncoding(), value.data,
								   value.len, false) &&
				(att->atttypmod < VARHDRSZ ||
				 pg_mbstrlen_with_len(value.data, value.len) <=
				 att->atttypmod - VARHDRSZ);
		case NUMERICOID:
			return is_numeric(value, att->atttypmod);
		default:
			return true;
	}
}

/*
 * A numeric is a header and digits to the base of 10000, without zeros at
 * either end.
 */
static bool
is_numeric(RustsBytes value, int32 typmod)
{
	uint16		header;
	uint16		digit = 1;
	uint32		start;
	uint32		at;

	if (value.len < sizeof(header) || value.len % sizeof(digit) != 0)
		return false;
	memcpy(&header, value.data, sizeof(header));
	if ((header & NUMERIC_SIGN_BITS) == NUMERIC_SIGN_BITS)
		return value.len == sizeof(header) &&
			(header == NUMERIC_NAN_HEADER || header == NUMERIC_PINF_HEADER ||
			 header == NUMERIC_NINF_HEADER) && has_precision(value, typmod);
	start = header & NUMERIC_SHORT_BIT ? 2 : 4;
	if (value.len < start)
		return false;
	for (at = start; at < value.len; at += sizeof(digit))
	{
		memcpy(&digit, value.data + at, sizeof(digit));
		if (digit >= NUMERIC_BASE || (digit == 0 && at == start))
			return false;
	}
	return digit != 0 && has_precision(value, typmod);
}

/* Would it be rounded?  By then it is a numeric, whatever its value. */
static bool
has_precision(RustsBytes value, int32 typmod)
{
	Datum		before;
	Datum		after;
	bool		same;

	if (typmod < (int32) VARHDRSZ)
		return true;
	before = PointerGetDatum(cstring_to_text_with_len(value.data, value.len));
	after = DirectFunctionCall2(numeric, before, Int32GetDatum(typmod));
	same = VARSIZE(DatumGetPointer(after)) ==
		VARSIZE(DatumGetPointer(before)) &&
		memcmp(DatumGetPointer(after), DatumGetPointer(before),
			   VARSIZE(DatumGetPointer(before))) == 0;
	pfree(DatumGetPointer(before));
	pfree(DatumGetPointer(after));
	return same;
}
