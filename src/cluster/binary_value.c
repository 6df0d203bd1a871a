/*-------------------------------------------------------------------------
 *
 * binary_value.c
 *	  Values that another node has sent in binary form.
 *
 * src/cluster/binary_value.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "cluster/binary_value.h"

bool
rusts_has_binary_value(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
			return true;
		default:
			return false;
	}
}

/*
 * The forms of boolsend(), int8send() and so on; a text is in our encoding,
 * which the connection has asked for.
 */
Datum
rusts_binary_value(Oid type, const char *data, int len)
{
	StringInfoData buf;
	uint16		u16;
	uint32		u32;
	uint64		u64;
	int			expected = type == BOOLOID ? 1 : type == INT2OID ? 2 :
		type == INT4OID || type == FLOAT4OID || type == DATEOID ? 4 : 8;

	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
			return PointerGetDatum(cstring_to_text_with_len(data, len));
		case NUMERICOID:
			buf.data = unconstify(char *, data);
			buf.len = len;
			buf.maxlen = len + 1;
			buf.cursor = 0;
			return DirectFunctionCall3(numeric_recv, PointerGetDatum(&buf),
									   ObjectIdGetDatum(InvalidOid),
									   Int32GetDatum(-1));
		default:
			break;
	}
	if (len != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("another node has sent %d bytes for a value of %d",
						len, expected)));
	switch (expected)
	{
		case 1:
			return BoolGetDatum(*data != 0);
		case 2:
			memcpy(&u16, data, sizeof(u16));
			return Int16GetDatum((int16) pg_ntoh16(u16));
		case 4:
			memcpy(&u32, data, sizeof(u32));
			u32 = pg_ntoh32(u32);
			if (type == FLOAT4OID)
			{
				float4		value;

				memcpy(&value, &u32, sizeof(value));
				return Float4GetDatum(value);
			}
			return Int32GetDatum((int32) u32);
		default:
			memcpy(&u64, data, sizeof(u64));
			return Int64GetDatum((int64) pg_ntoh64(u64));
	}
}
