/*-------------------------------------------------------------------------
 *
 * fuzz_toml.c
 *	  libFuzzer target: any bytes as TOML.
 *
 * The tree must keep the promises of toml.h; what frees it is the sanitizer's
 * business.
 *
 * test/fuzz/fuzz_toml.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "cluster/toml.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static bool
is_sound(const RustsTomlValue *value, bool in_table, int lines)
{
	bool		holds = value->kind == RUSTS_TOML_TABLE ||
	value->kind == RUSTS_TOML_ARRAY;
	const RustsTomlValue *child;

	if (value->line < 1 || value->line > lines ||
		(value->key != NULL) != in_table ||
		(value->string != NULL) != (value->kind == RUSTS_TOML_STRING) ||
		(value->child != NULL && !holds))
		return false;
	if (value->key != NULL && value->key[value->key_length] != '\0')
		return false;
	if (value->string != NULL && value->string[value->length] != '\0')
		return false;
	for (child = value->child; child != NULL; child = child->next)
	{
		if (!is_sound(child, value->kind == RUSTS_TOML_TABLE, lines))
			return false;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	RustsToml  *toml = rusts_toml_parse((const char *) data, size);
	int			lines = 1;
	size_t		i;

	for (i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (toml->root == NULL)
	{
		/* The end of the text counts as the line after. */
		if (toml->message == NULL || toml->line < 0 || toml->line > lines + 1)
			abort();
	}
	else if (toml->root->kind != RUSTS_TOML_TABLE ||
			 !is_sound(toml->root, false, lines))
		abort();
	rusts_toml_free(toml);
	return 0;
}
