/*-------------------------------------------------------------------------
 *
 * options.c
 *	  What a measurement has been told about itself.
 *
 * Tables of other access methods than heap's cannot have storage parameters
 * of their own, and a table of ours that names measurements by their OIDs
 * would have to be translated by every dump and cleaned after every DROP.  So
 * options are the security label of the measurement, next to those of its
 * tags:
 *
 *		SECURITY LABEL FOR rusts ON TABLE cpu IS 'wal_mode=periodic'
 *
 * A label follows a rename, goes with its table, is dumped, restored ahead of
 * the data and taken along by pg_upgrade, and only the owner may set it.
 *
 * The label is a list of name=value, in the order of the names below,
 * separated by a comma and a blank.
 *
 * src/meta/options.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "commands/seclabel.h"
#include "lib/stringinfo.h"
#include "utils/inval.h"

#include "meta/options.h"
#include "meta/schema.h"

const char *const rusts_wal_mode_names[] = {
	"none", "os-default", "periodic", "every-write", NULL
};

const char *const rusts_duplicates_names[] = {"keep", "merge", NULL};

typedef struct Option
{
	const char *name;
	const char *const *values;	/* their names; NULL ends the list */
	size_t		offset;			/* of the int in RustsOptions */
} Option;

static const Option all_options[] = {
	{
		"duplicates", rusts_duplicates_names,
		offsetof(RustsOptions, duplicates)
	},
	{
		"wal_mode", rusts_wal_mode_names, offsetof(RustsOptions, wal_mode)
	}
};

static const char *parse_option(const char *label, const Option *option,
								RustsOptions *options);
static int *value_of(RustsOptions *options, const Option *option);

bool
rusts_options_parse(const char *label, RustsOptions *options)
{
	const char *rest = label;
	int			i;

	for (i = 0; i < lengthof(all_options); i++)
		*value_of(options, &all_options[i]) = RUSTS_OPTION_UNSET;
	if (label == NULL)
		return true;
	for (i = 0; i < lengthof(all_options) && rest != NULL; i++)
	{
		const char *after = parse_option(rest, &all_options[i], options);

		if (after == NULL)
			continue;
		if (*after == '\0')
			return true;
		rest = strncmp(after, ", ", 2) == 0 ? after + 2 : NULL;
	}
	return false;
}

/* The end of this option at the beginning of the label; NULL if not there. */
static const char *
parse_option(const char *label, const Option *option, RustsOptions *options)
{
	size_t		len = strlen(option->name);
	int			i;

	if (strncmp(label, option->name, len) != 0 || label[len] != '=')
		return NULL;
	label += len + 1;
	for (i = 0; option->values[i] != NULL; i++)
	{
		len = strlen(option->values[i]);
		if (strncmp(label, option->values[i], len) == 0 &&
			(label[len] == '\0' || label[len] == ','))
		{
			*value_of(options, option) = i;
			return label + len;
		}
	}
	return NULL;
}

static int *
value_of(RustsOptions *options, const Option *option)
{
	return (int *) ((char *) options + option->offset);
}

char *
rusts_options_print(const RustsOptions *options)
{
	StringInfoData label;
	int			i;

	initStringInfo(&label);
	for (i = 0; i < lengthof(all_options); i++)
	{
		const Option *option = &all_options[i];
		int			value = *value_of((RustsOptions *) options, option);

		if (value == RUSTS_OPTION_UNSET)
			continue;
		appendStringInfo(&label, "%s%s=%s", label.len > 0 ? ", " : "",
						 option->name, option->values[value]);
	}
	return label.len > 0 ? label.data : NULL;
}

void
rusts_options_store(Oid relid, const RustsOptions *options)
{
	ObjectAddress address;

	ObjectAddressSet(address, RelationRelationId, relid);
	SetSecurityLabel(&address, RUSTS_LABEL_PROVIDER,
					 rusts_options_print(options));

	/* They hang on the relcache entry. */
	CacheInvalidateRelcacheByRelid(relid);
	CommandCounterIncrement();
}
