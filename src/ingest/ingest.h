/*-------------------------------------------------------------------------
 *
 * ingest.h
 *	  What the parts of one rusts_write call share.
 *
 * src/ingest/ingest.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_INGEST_H
#define RUSTS_INGEST_H

#include "cluster/config.h"
#include "ingest/names.h"
#include "proto/lineproto.h"
#include "write/buffer.h"

/* rusts.schema_on_write */
extern bool rusts_schema_on_write;

/* Define the settings of this directory; once, from _PG_init. */
extern void rusts_ingest_init(void);

/* Why a line is not written. */
typedef struct RustsFault
{
	int			sqlerrcode;
	const char *message;
	const char *hint;			/* or NULL */
} RustsFault;

/* What a column of a measurement takes from a line. */
typedef struct RustsTargetColumn
{
	RustsRole	role;
	RustsLpType type;			/* 0: nothing that line protocol has */
	Oid			typid;			/* InvalidOid: still to be made */
	int			column;			/* index in the schema's columns, or -1 */
	bool		denied;			/* no privilege to insert into it */
} RustsTargetColumn;

/* Where a field key led when it stood at this place of a line. */
typedef struct RustsKeySlot
{
	const char *key;			/* in the input, as it stands there */
	uint32		len;
	int			number;			/* in names and columns of the target */
} RustsKeySlot;

typedef struct RustsSlow RustsSlow;
typedef struct RustsSharding RustsSharding;

/* Where points of a target go: a table, or one partition of several. */
typedef struct RustsTargetPart
{
	Relation	rel;
	RustsBuffer *buffer;		/* NULL until something goes there */
	RustsBuilder *builder;
	size_t		string_bytes;	/* of the builder, at rusts_buffer_added */
	bool		skip;			/* what is for it is there already */
} RustsTargetPart;

/*
 * A measurement of this call.  Until it is opened, names and columns tell what
 * was seen without a lock that lasts.
 */
typedef struct RustsTarget
{
	MemoryContext cxt;			/* everything below */
	RustsBytes	name;			/* null-terminated, in the server's encoding */
	bool		known;			/* looked up: what follows is valid */
	bool		exists;
	bool		is_partition;	/* columns come from its parent */
	bool		in_cluster;		/* all nodes must know its columns */
	RustsFault *refusal;		/* why it takes no points, or NULL */
	int			natts;			/* attributes, dropped ones included */
	uint32		nexisting;		/* names that are columns already */
	RustsNames	names;			/* columns, then those still to be made */
	uint32		max_columns;
	RustsTargetColumn *columns; /* [names.nnames] */

	/* while it is open */
	Relation	rel;			/* NULL unless open; RowExclusiveLock */
	RustsSchema *schema;
	bool		time_ns_denied;
	RustsTargetPart *parts;
	int			nparts;
	RustsSharding *sharding;	/* which part a point goes to; NULL: the only
								 * one */
	uint32		epoch;			/* of the series numbers, see RustsSeries */
	RustsKeySlot *field_slots;
	uint32		nfield_slots;
	RustsKeySlot *tag_slots;
	uint32		ntag_slots;
	int		   *tag_ordinal;	/* [schema->ncolumns] place in schema->tags */
	RustsBytes *tag_values;		/* [schema->ntags], working space */
	RustsSlow  *slow;			/* not NULL: rows go through INSERT */
} RustsTarget;

/* A series key as it stands in lines, and where it leads. */
typedef struct RustsSeries
{
	const char *key;			/* in the input */
	RustsTarget *target;
	uint32		len;
	uint32		hash;
	uint32		next;			/* the series that followed last time */
	uint32		number;			/* in that part's builder, ditto */
	uint32		epoch;
	bool		checked;		/* its tags are among the target's names */
	uint16		part;			/* of the target, if epochs agree */
} RustsSeries;

/* The column a field slot of the parser's last point leads to. */
typedef struct RustsBinding
{
	RustsTarget *target;		/* NULL: nothing known */
	int			column;
	RustsLpType type;
} RustsBinding;

/* One run over the lines, to write them or only to look at their names. */
typedef struct RustsPass
{
	RustsLpParser parser;
	RustsLpPoint point;
	uint32		series;			/* of the last point; RUSTS_NO_SERIES */
	RustsBinding *bindings;
	uint32		nbindings;
} RustsPass;

#define RUSTS_NO_SERIES		PG_UINT32_MAX

/* A line that was skipped. */
typedef struct RustsSkipped
{
	RustsFault	fault;
	uint64		lineno;
	const char *excerpt;
} RustsSkipped;

#define RUSTS_MAX_WARNINGS	10

typedef struct RustsIngest
{
	/* the call */
	MemoryContext call_cxt;
	MemoryContext line_cxt;		/* until the next line that needs one */
	const char *data;			/* UTF-8 */
	size_t		len;
	int64		time_unit;
	bool		skip;			/* on_error => 'skip' */
	int64		now_ns;			/* for points without a timestamp */
	Oid			namespace;
	char	   *namespace_name;
	Oid			converter;		/* from UTF-8 to the server's encoding, or
								 * InvalidOid */
	uint64		seed;
	const char *batch;			/* the client's name for the call, or NULL */
	const RustsClusterConfig *cluster;	/* NULL: none, or temporary tables */

	/* what it found out; all in route_cxt, forgotten by a restart */
	MemoryContext route_cxt;
	RustsNames	target_names;
	RustsTarget **targets;		/* [target_names.nnames] */
	uint32		max_targets;
	uint32		nopen;			/* targets open */
	uint32		epoch;			/* the last one given out */
	RustsSeries *series;
	uint32		nseries;
	uint32		max_series;
	uint32	   *series_slots;
	uint32		nseries_slots;
	RustsPass	pass;
	RustsLpTag *tags;			/* of the series key split last */
	uint32		max_tags;
	uint32		ntags;
	RustsLpText measurement;
	RustsBytes	split_key;		/* which one it was; data NULL: none */
	char	   *scratch;		/* working space */
	size_t		scratch_size;

	/* results */
	bool		stored;			/* rows have left the builders */
	bool		slow;			/* some rows go through INSERT */
	bool		looked_ahead;
	bool		spi;			/* connected */
	uint64		npoints;
	uint64		nskipped;
	int			nwarnings;
	RustsSkipped warnings[RUSTS_MAX_WARNINGS];
	const RustsFault *fault;	/* of the line in hand */
} RustsIngest;

#endif							/* RUSTS_INGEST_H */
