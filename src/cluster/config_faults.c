/*-------------------------------------------------------------------------
 *
 * config_faults.c
 *	  What is wrong with a configuration, all of it at once.
 *
 * src/cluster/config_faults.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "cluster/config_faults.h"
#include "compat.h"

/* Bytes of a string that a message shows. */
#define MAX_TEXT	100

static char *format_message(const char *format, va_list arguments)
			pg_attribute_printf(1, 0);
static RustsConfigFault *add(RustsConfigFaults *faults, int line);
static int	compare_faults(const void *a, const void *b);

void
rusts_config_faults_init(RustsConfigFaults *faults)
{
	faults->nfaults = 0;
	faults->more = false;
	faults->faults = palloc_array(RustsConfigFault,
								  RUSTS_MAX_CONFIG_FAULTS + 1);
}

void
rusts_config_fault(RustsConfigFaults *faults, int line, const char *format,...)
{
	RustsConfigFault *fault = add(faults, line);
	va_list		arguments;

	if (fault == NULL)
		return;
	va_start(arguments, format);
	fault->message = format_message(format, arguments);
	va_end(arguments);
}

void
rusts_config_shard_fault(RustsConfigFaults *faults, int line, int shard,
						 const char *format,...)
{
	RustsConfigFault *fault;
	va_list		arguments;
	char	   *message;

	if (faults->more)
		return;
	va_start(arguments, format);
	message = format_message(format, arguments);
	va_end(arguments);
	if (faults->nfaults > 0)
	{
		fault = &faults->faults[faults->nfaults - 1];
		if (fault->shards != NULL && fault->line == line &&
			strcmp(fault->message, message) == 0)
		{
			fault->shards = bms_add_member(fault->shards, shard);
			pfree(message);
			return;
		}
	}
	fault = add(faults, line);
	if (fault == NULL)
		return;
	fault->message = message;
	fault->shards = bms_make_singleton(shard);
}

static char *
format_message(const char *format, va_list arguments)
{
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list		again;
		int			needed;

		va_copy(again, arguments);
		needed = appendStringInfoVA(&text, format, again);
		va_end(again);
		if (needed == 0)
			return text.data;
		enlargeStringInfo(&text, needed);
	}
}

/* NULL if there are too many. */
static RustsConfigFault *
add(RustsConfigFaults *faults, int line)
{
	RustsConfigFault *fault;

	if (faults->nfaults == RUSTS_MAX_CONFIG_FAULTS)
	{
		faults->more = true;
		return NULL;
	}
	fault = &faults->faults[faults->nfaults++];
	fault->line = line;
	fault->shards = NULL;
	fault->message = NULL;
	return fault;
}

void
rusts_config_faults_finish(RustsConfigFaults *faults)
{
	int			i;

	for (i = 0; i < faults->nfaults; i++)
	{
		RustsConfigFault *fault = &faults->faults[i];

		if (fault->shards != NULL)
			fault->message = psprintf("%s: %s",
									  rusts_shards_text(fault->shards),
									  fault->message);
	}
	qsort(faults->faults, faults->nfaults, sizeof(RustsConfigFault),
		  compare_faults);
	if (faults->more)
	{
		RustsConfigFault *last = &faults->faults[faults->nfaults++];

		last->line = 0;
		last->shards = NULL;
		last->message = pstrdup("there are more faults");
	}
}

static int
compare_faults(const void *a, const void *b)
{
	const RustsConfigFault *left = a;
	const RustsConfigFault *right = b;

	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return strcmp(left->message, right->message);
}

char *
rusts_shards_text(const Bitmapset *shards)
{
	StringInfoData text;
	int			first = -1;
	const char *separator = "";

	initStringInfo(&text);
	appendStringInfoString(&text, bms_membership(shards) == BMS_MULTIPLE ?
						   "shards " : "shard ");
	while ((first = bms_next_member(shards, first)) >= 0)
	{
		int			last = first;

		while (bms_is_member(last + 1, shards))
			last++;
		appendStringInfo(&text, "%s%d", separator, first);
		if (last > first)
			appendStringInfo(&text, "-%d", last);
		separator = ", ";
		first = last;
	}
	return text.data;
}

char *
rusts_config_fault_quote(const char *string)
{
	return psprintf("\"%s\"", rusts_config_fault_text(string));
}

char *
rusts_config_fault_text(const char *string)
{
	int			encoding = GetDatabaseEncoding();
	bool		utf8 = encoding == PG_UTF8 || encoding == PG_SQL_ASCII;
	StringInfoData text;

	initStringInfo(&text);
	while (*string != '\0')
	{
		int			len = pg_encoding_verifymbchar(PG_UTF8, string,
												   strnlen(string, 4));

		if (text.len + len > MAX_TEXT)
		{
			appendStringInfoString(&text, "...");
			break;
		}
		if (len < 0 || (len > 1 && !utf8) || *string == '\x7F' ||
			((unsigned char) *string < ' '))
			appendStringInfoChar(&text, '?');
		else
			appendBinaryStringInfo(&text, string, len);
		string += Max(len, 1);
	}
	return text.data;
}
