/*-------------------------------------------------------------------------
 *
 * text.c
 *	  Names and strings of a line, as text of the server.
 *
 * Line protocol is UTF-8.  In a UTF8 database nothing is ever converted or
 * copied; an SQL_ASCII database stores the same bytes.  In all others a text
 * argument is converted to UTF-8 once, so that the parser sees what it knows,
 * and names and values back one by one: only then can a character
 * that the server's encoding lacks be the fault of one line.
 *
 * src/ingest/text.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "compat.h"
#include "ingest/text.h"

static bool is_ascii(const char *data, uint32 len);

bool
rusts_text_plain(RustsIngest *in, RustsLpText text, RustsUnescape unescape,
				 RustsBytes *plain)
{
	plain->data = text.data;
	plain->len = text.len;
	if (text.escaped)
	{
		char	   *buffer = MemoryContextAllocHuge(in->line_cxt,
													(Size) text.len + 1);

		plain->len = unescape(text, buffer);
		plain->data = buffer;
	}
	return rusts_text_convert(in, *plain, plain);
}

bool
rusts_text_convert(RustsIngest *in, RustsBytes utf8, RustsBytes *converted)
{
	Size		size;
	char	   *buffer;

	*converted = utf8;
	if (!OidIsValid(in->converter) || is_ascii(utf8.data, utf8.len))
		return true;

	size = (Size) utf8.len * MAX_CONVERSION_GROWTH + 1;
	if (size > PG_INT32_MAX)
		return false;
	buffer = MemoryContextAllocHuge(in->line_cxt, size);
	if (pg_do_encoding_conversion_buf(in->converter, PG_UTF8,
									  GetDatabaseEncoding(),
									  (unsigned char *) utf8.data, utf8.len,
									  (unsigned char *) buffer, size,
									  true) != utf8.len)
		return false;
	converted->data = buffer;
	converted->len = strlen(buffer);
	return true;
}

void
rusts_text_input(RustsIngest *in, const char *data, size_t len,
				 bool server_encoding)
{
	int			encoding = GetDatabaseEncoding();

	in->data = data;
	in->len = len;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return;

	in->converter = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(in->converter))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("default conversion function for encoding \"%s\" to \"%s\" does not exist",
						pg_encoding_to_char(PG_UTF8),
						pg_encoding_to_char(encoding))));
	if (server_encoding && len > 0)
	{
		in->data = pg_server_to_any(data, len, PG_UTF8);
		if (in->data != data)
			in->len = strlen(in->data);
	}
}

static bool
is_ascii(const char *data, uint32 len)
{
	uint8		all = 0;
	uint32		i;

	for (i = 0; i < len; i++)
		all |= (uint8) data[i];
	return !IS_HIGHBIT_SET(all);
}
