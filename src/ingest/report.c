/*-------------------------------------------------------------------------
 *
 * report.c
 *	  Lines that are not written: why, and how the caller hears of it.
 *
 * Warnings are kept until the call is over, because a call that stops for a
 * schema change reads its lines again.
 *
 * src/ingest/report.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "compat.h"
#include "ingest/report.h"
#include "ingest/text.h"

/* How much of a line a message shows. */
#define EXCERPT_BYTES	80

static char *make_excerpt(RustsIngest *in, const char *line, size_t len);

RustsFault *
rusts_fault_make(MemoryContext cxt, int sqlerrcode, const char *hint,
				 const char *fmt,...)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(cxt);
	RustsFault *fault = palloc_object(RustsFault);
	StringInfoData message;

	initStringInfo(&message);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&message, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&message, needed);
	}
	fault->sqlerrcode = sqlerrcode;
	fault->message = message.data;
	fault->hint = hint;
	MemoryContextSwitchTo(old_cxt);
	return fault;
}

void
rusts_report_line(RustsIngest *in, const RustsFault *fault, uint64 lineno,
				  const char *line, size_t linelen)
{
	RustsSkipped *skipped;

	if (!in->skip)
		ereport(ERROR,
				(errcode(fault->sqlerrcode),
				 errmsg("line " UINT64_FORMAT ": %s", lineno, fault->message),
				 errdetail("The line is \"%s\".",
						   make_excerpt(in, line, linelen)),
				 fault->hint ? errhint("%s", fault->hint) : 0));

	in->nskipped++;
	if (in->nwarnings == RUSTS_MAX_WARNINGS)
		return;
	skipped = &in->warnings[in->nwarnings++];
	skipped->lineno = lineno;
	skipped->excerpt = make_excerpt(in, line, linelen);
	skipped->fault = *fault;
	skipped->fault.message = MemoryContextStrdup(in->call_cxt,
												 fault->message);
}

void
rusts_report_skipped(RustsIngest *in)
{
	int			i;

	for (i = 0; i < in->nwarnings; i++)
	{
		const RustsSkipped *skipped = &in->warnings[i];

		ereport(WARNING,
				(errcode(skipped->fault.sqlerrcode),
				 errmsg("line " UINT64_FORMAT " skipped: %s",
						skipped->lineno, skipped->fault.message),
				 errdetail("The line is \"%s\".", skipped->excerpt),
				 skipped->fault.hint ?
				 errhint("%s", skipped->fault.hint) : 0));
	}
	if (in->nskipped > in->nwarnings)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg_plural(UINT64_FORMAT " more line skipped",
							   UINT64_FORMAT " more lines skipped",
							   in->nskipped - in->nwarnings,
							   in->nskipped - in->nwarnings)));
}

void
rusts_report_restart(RustsIngest *in)
{
	in->nskipped = 0;
	in->nwarnings = 0;
}

const char *
rusts_report_excerpt(RustsIngest *in, RustsBytes line)
{
	return make_excerpt(in, line.data, line.len);
}

/*
 * The beginning of a line, as text of the server's encoding whatever the
 * line holds.  It is cut between characters.
 */
static char *
make_excerpt(RustsIngest *in, const char *line, size_t len)
{
	char	   *excerpt;
	size_t		out = 0;
	size_t		pos = 0;
	RustsBytes	plain;
	RustsBytes	converted;

	/* Room for a character that crosses the mark, three dots, the end. */
	excerpt = MemoryContextAlloc(in->call_cxt, EXCERPT_BYTES + 8);
	while (pos < len && out < EXCERPT_BYTES)
	{
		int			charlen = pg_utf_mblen((const unsigned char *) line + pos);

		if (line[pos] == '\0' || charlen > len - pos ||
			!pg_utf8_islegal((const unsigned char *) line + pos, charlen))
		{
			excerpt[out++] = '?';
			pos++;
			continue;
		}
		if (out + charlen > EXCERPT_BYTES)
			break;
		memcpy(excerpt + out, line + pos, charlen);
		out += charlen;
		pos += charlen;
	}
	if (pos < len)
	{
		memcpy(excerpt + out, "...", 3);
		out += 3;
	}
	excerpt[out] = '\0';

	plain.data = excerpt;
	plain.len = out;
	if (rusts_text_convert(in, plain, &converted))
		return MemoryContextStrdup(in->call_cxt,
								   pnstrdup(converted.data, converted.len));

	/* Some of it does not exist in the server's encoding. */
	for (pos = 0; pos < out; pos++)
	{
		if (IS_HIGHBIT_SET(excerpt[pos]))
			excerpt[pos] = '?';
	}
	return excerpt;
}
