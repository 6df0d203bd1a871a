/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Numbered sets of names: measurements of a call, columns of a table.
 *
 * An open-addressing table of numbers.  It differs from dynahash in that keys
 * have no maximum length, that it costs nothing while it is empty and that
 * the names entered last can be taken back.
 *
 * src/ingest/names.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "ingest/names.h"

static void grow(RustsNames *names);
static void fill_slots(RustsNames *names);

void
rusts_names_init(RustsNames *names, MemoryContext cxt, uint64 seed)
{
	memset(names, 0, sizeof(*names));
	names->cxt = cxt;
	names->seed = seed;
}

int
rusts_names_find(const RustsNames *names, RustsBytes name)
{
	uint32		hash;
	uint32		slot;

	if (names->nnames == 0)
		return -1;

	hash = rusts_key_hash(name.data, name.len, names->seed);
	for (slot = hash & (names->nslots - 1);
		 names->slots[slot] != 0;
		 slot = (slot + 1) & (names->nslots - 1))
	{
		uint32		number = names->slots[slot] - 1;

		if (names->hashes[number] == hash &&
			rusts_bytes_equal(names->names[number], name))
			return number;
	}
	return -1;
}

int
rusts_names_add(RustsNames *names, RustsBytes name)
{
	uint32		hash = rusts_key_hash(name.data, name.len, names->seed);
	uint32		number = names->nnames;
	uint32		slot;
	char	   *copy;

	if (number == names->max_names)
		grow(names);

	copy = MemoryContextAlloc(names->cxt, (Size) name.len + 1);
	memcpy(copy, name.data, name.len);
	copy[name.len] = '\0';
	names->names[number].data = copy;
	names->names[number].len = name.len;
	names->hashes[number] = hash;
	names->nnames++;

	slot = hash & (names->nslots - 1);
	while (names->slots[slot] != 0)
		slot = (slot + 1) & (names->nslots - 1);
	names->slots[slot] = number + 1;
	return number;
}

void
rusts_names_truncate(RustsNames *names, uint32 nnames)
{
	if (nnames >= names->nnames)
		return;
	while (names->nnames > nnames)
		pfree(unconstify(char *, names->names[--names->nnames].data));
	fill_slots(names);
}

static void
grow(RustsNames *names)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(names->cxt);

	if (names->max_names == 0)
	{
		names->max_names = 16;
		names->names = palloc_array(RustsBytes, names->max_names);
		names->hashes = palloc_array(uint32, names->max_names);
	}
	else
	{
		names->max_names *= 2;
		names->names = repalloc(names->names,
								sizeof(RustsBytes) * names->max_names);
		names->hashes = repalloc(names->hashes,
								 sizeof(uint32) * names->max_names);
		pfree(names->slots);
	}
	names->nslots = names->max_names * 2;
	names->slots = palloc_array(uint32, names->nslots);
	fill_slots(names);
	MemoryContextSwitchTo(old_cxt);
}

static void
fill_slots(RustsNames *names)
{
	uint32		number;

	memset(names->slots, 0, sizeof(uint32) * names->nslots);
	for (number = 0; number < names->nnames; number++)
	{
		uint32		slot = names->hashes[number] & (names->nslots - 1);

		while (names->slots[slot] != 0)
			slot = (slot + 1) & (names->nslots - 1);
		names->slots[slot] = number + 1;
	}
}
