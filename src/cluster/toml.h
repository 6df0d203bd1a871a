/*-------------------------------------------------------------------------
 *
 * toml.h
 *	  A TOML text as a tree.
 *
 * The one header between C and C++; it knows nothing of a server.
 *
 * src/cluster/toml.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TOML_H
#define RUSTS_TOML_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define RUSTS_TOML_EXTERN	extern "C"
#else
#define RUSTS_TOML_EXTERN	extern
#endif

typedef enum RustsTomlKind
{
	RUSTS_TOML_TABLE,
	RUSTS_TOML_ARRAY,
	RUSTS_TOML_STRING,
	RUSTS_TOML_INTEGER,
	RUSTS_TOML_BOOLEAN,
	RUSTS_TOML_FLOAT,
	RUSTS_TOML_TIME				/* a date, a time of day, or both */
} RustsTomlKind;

typedef struct RustsTomlValue
{
	RustsTomlKind kind;
	int			line;			/* where it begins, from 1 */
	const char *key;			/* what it is called in its table, or NULL */
	size_t		key_length;
	const char *string;
	size_t		length;			/* of string */
	int64_t		integer;		/* also of a boolean */
	const struct RustsTomlValue *child; /* first one of a table or array */
	const struct RustsTomlValue *next;	/* after this one in the same */
} RustsTomlValue;

typedef struct RustsToml
{
	const RustsTomlValue *root; /* a table; NULL if there is an error */
	int			line;			/* of the error; 0: of none in particular */
	const char *message;
} RustsToml;

/*
 * Parse size bytes.  Any bytes give a tree or the first error; nothing is
 * thrown, and the stack is needed for a few thousand small frames at most.
 * Strings and keys are UTF-8 and end with NUL, but may have others
 * within.  Children of a table come in no particular order.
 *
 * The result is malloc'ed, never NULL, and to be given to rusts_toml_free.
 */
RUSTS_TOML_EXTERN RustsToml *rusts_toml_parse(const char *text, size_t size);
RUSTS_TOML_EXTERN void rusts_toml_free(RustsToml *toml);

#endif							/* RUSTS_TOML_H */
