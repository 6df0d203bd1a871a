/*-------------------------------------------------------------------------
 *
 * pattern.c
 *	  Patterns of measurement names.
 *
 *		pattern		[ part . ] part
 *		part		name | "name" , the last one perhaps with a * at its end
 *
 * Measurements of line protocol have names like Disk.io, so letters are not
 * folded, and quotes work as in SQL, a double one standing for itself.
 *
 * src/base/pattern.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "base/pattern.h"

static const char *read_part(const char *p, char *name, const char **problem);
static char *write_part(char *p, const char *name);

bool
rusts_pattern_parse(const char *text, RustsPattern *pattern,
					const char **problem)
{
	const char *p;

	*problem = NULL;
	memset(pattern, 0, sizeof(*pattern));
	p = read_part(text, pattern->name, problem);
	if (p != NULL && *p == '.')
	{
		memcpy(pattern->schema, pattern->name, NAMEDATALEN);
		if (pattern->schema[0] == '\0')
			*problem = "The name of the schema is empty.";
		memset(pattern->name, 0, NAMEDATALEN);
		p = read_part(p + 1, pattern->name, problem);
	}
	if (p == NULL || *problem != NULL)
		return false;
	if (*p == '*')
	{
		pattern->prefix = true;
		p++;
	}
	if (*p == '.' && !pattern->prefix)
		*problem = "There are more than two names.";
	else if (*p != '\0')
		*problem = "A star can only be the last character.";
	else if (pattern->name[0] == '\0' && !pattern->prefix)
		*problem = "The name is empty.";
	return *problem == NULL;
}

/*
 * Read a name up to a dot, a star or the end; returns where it ends, NULL on
 * error.
 */
static const char *
read_part(const char *p, char *name, const char **problem)
{
	bool		quoted = *p == '"';
	int			len = 0;

	if (quoted)
		p++;
	for (; *p != '\0'; p++)
	{
		if (quoted && *p == '"' && *++p != '"')
		{
			quoted = false;
			break;
		}
		else if (!quoted && (*p == '.' || *p == '*'))
			break;
		if (len == NAMEDATALEN - 1)
		{
			*problem = "A name is too long.";
			return NULL;
		}
		name[len++] = *p;
	}
	name[len] = '\0';
	if (quoted)
		*problem = "A quoted name does not end.";
	else if (*p != '\0' && *p != '.' && *p != '*')
		*problem = "A quoted name does not end with its quote.";
	return *problem == NULL ? p : NULL;
}

const char *
rusts_pattern_text(const RustsPattern *pattern,
				   char buffer[RUSTS_PATTERN_TEXT])
{
	char	   *p = buffer;

	if (pattern->schema[0] != '\0')
	{
		p = write_part(p, pattern->schema);
		*p++ = '.';
	}
	p = write_part(p, pattern->name);
	if (pattern->prefix)
		*p++ = '*';
	*p = '\0';
	return buffer;
}

static char *
write_part(char *p, const char *name)
{
	bool		quoted = strpbrk(name, ".*\"") != NULL;

	if (quoted)
		*p++ = '"';
	for (; *name != '\0'; name++)
	{
		if (*name == '"')
			*p++ = '"';
		*p++ = *name;
	}
	if (quoted)
		*p++ = '"';
	return p;
}

bool
rusts_pattern_matches(const RustsPattern *pattern, const char *schema,
					  const char *name)
{
	if (pattern->schema[0] != '\0' && strcmp(pattern->schema, schema) != 0)
		return false;
	if (pattern->prefix)
		return strncmp(pattern->name, name, strlen(pattern->name)) == 0;
	return strcmp(pattern->name, name) == 0;
}

int
rusts_pattern_compare(const RustsPattern *left, const RustsPattern *right)
{
	int			left_len = strlen(left->name);
	int			right_len = strlen(right->name);

	if (left->prefix != right->prefix)
		return left->prefix ? -1 : 1;
	if (left_len != right_len)
		return left_len - right_len;
	return (left->schema[0] != '\0') - (right->schema[0] != '\0');
}
