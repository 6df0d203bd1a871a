/*-------------------------------------------------------------------------
 *
 * pattern.h
 *	  Patterns of measurement names: cpu, cpu*, *, schema.cpu*.
 *
 * src/base/pattern.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_PATTERN_H
#define RUSTS_PATTERN_H

#include "c.h"

/* Room for the text of any pattern. */
#define RUSTS_PATTERN_TEXT	(4 * NAMEDATALEN + 8)

typedef struct RustsPattern
{
	char		schema[NAMEDATALEN];	/* "" for any */
	char		name[NAMEDATALEN];
	bool		prefix;			/* name is only the beginning */
} RustsPattern;

/*
 * Read a pattern.  Names are taken as they are, not folded to lower case; one
 * with a dot or a star in it is written in double quotes.  False if text is no
 * pattern; then *problem says why.
 */
extern bool rusts_pattern_parse(const char *text, RustsPattern *pattern,
								const char **problem);

/* The pattern's text in its one normal form, in buffer. */
extern const char *rusts_pattern_text(const RustsPattern *pattern,
									  char buffer[RUSTS_PATTERN_TEXT]);

extern bool rusts_pattern_matches(const RustsPattern *pattern,
								  const char *schema, const char *name);

/*
 * Positive if left is more specific than right: a whole name is more so than
 * a beginning, a longer beginning more than a shorter one; between equals one
 * with a schema.
 */
extern int	rusts_pattern_compare(const RustsPattern *left,
								  const RustsPattern *right);

#endif							/* RUSTS_PATTERN_H */
