/*-------------------------------------------------------------------------
 *
 * text.h
 *	  Names and strings of a line, as text of the server.
 *
 * src/ingest/text.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TEXT_H
#define RUSTS_TEXT_H

#include "ingest/ingest.h"

typedef uint32 (*RustsUnescape) (RustsLpText text, char *dst);

/*
 * Text of the server for a text of a line: plain and in its encoding.  The
 * result is the input itself where nothing had to change, else it lives in
 * line_cxt.  False when a character does not exist in the server's encoding.
 */
extern bool rusts_text_plain(RustsIngest *in, RustsLpText text,
							 RustsUnescape unescape, RustsBytes *plain);

/* The same for UTF-8 without escapes. */
extern bool rusts_text_convert(RustsIngest *in, RustsBytes utf8,
							   RustsBytes *converted);

/*
 * The whole input as UTF-8: what rusts_write's argument is already, or a
 * converted copy.
 */
extern void rusts_text_input(RustsIngest *in, const char *data, size_t len,
							 bool server_encoding);

#endif							/* RUSTS_TEXT_H */
