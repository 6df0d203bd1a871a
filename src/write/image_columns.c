/*-------------------------------------------------------------------------
 *
 * image_columns.c
 *	  Columns of an image that came from another node.
 *
 * Once opened, the image's parts are ours alone (they do not come from the
 * cache), so the numbers of its columns are simply replaced by those that the
 * columns of the same names have here.  From then on it reads like a segment
 * of this measurement.
 *
 * src/write/image_columns.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "compat.h"
#include "segment/format.h"
#include "segment/page_io.h"
#include "write/image_check.h"

/*
 * More rows than a buffer of RUSTS_STORE_FULL_BYTES can hold; a few bytes
 * must not be able to stand for billions of them.
 */
#define MAX_IMAGE_ROWS		(16 * 1024 * 1024)

/* What the sender's attribute numbers mean. */
typedef struct Names
{
	int			natts;
	int			width;			/* 2 with types, else 1 */
	Datum	   *values;			/* [natts * width] */
	bool	   *nulls;
} Names;

static void read_names(ArrayType *columns, Names *names);
static void map_columns(RustsIncoming *in, const Names *names);
static AttrNumber map_column(RustsIncoming *in, const Names *names,
							 AttrNumber theirs, RustsKind kind, bool tag);
static Form_pg_attribute find_column(RustsIncoming *in, const char *name);
static void check_type(RustsIncoming *in, const Names *names,
					   AttrNumber theirs, Form_pg_attribute att,
					   RustsKind kind, bool tag);
static int	compare_columns(const void *a, const void *b);

void
rusts_image_report(RustsIncoming *in, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("image of rows of measurement \"%s\" is corrupted",
					RelationGetRelationName(in->rel)),
			 errdetail("%s", detail)));
}

void
rusts_image_open(RustsIncoming *in, ArrayType *columns, struct varlena *image)
{
	const uint8 *header = (const uint8 *) VARDATA(image);
	RustsSegmentEntry entry;
	Names		names;
	uint16		flags;

	memset(&entry, 0, sizeof(entry));
	entry.segment_id = RUSTS_NO_SEGMENT;
	entry.bytes = VARSIZE(image) - VARHDRSZ;
	entry.payload = image;
	if (entry.bytes >= RUSTS_HEADER_SIZE)
		entry.nrows = rusts_get_u32(header + RUSTS_HEADER_ROWS);
	if (entry.nrows > MAX_IMAGE_ROWS)
		rusts_image_report(in, "It has too many rows.");
	in->reader = rusts_reader_open(in->rel, &entry, false, false, NULL);
	in->as_is = true;
	flags = rusts_get_u16(header + RUSTS_HEADER_FLAGS);
	if (flags != (in->reader->parts->order_len > 0 ?
				  RUSTS_SEGMENT_ORDERED : 0))
		rusts_image_report(in, "Its flags do not make sense.");

	/* An order of rows that is none is found out by looking one up. */
	(void) rusts_reader_tid_row(in->reader, 0);
	read_names(columns, &names);
	map_columns(in, &names);
}

static void
read_names(ArrayType *columns, Names *names)
{
	int			n;

	if (ARR_ELEMTYPE(columns) != TEXTOID || ARR_NDIM(columns) > 2 ||
		(ARR_NDIM(columns) == 2 && ARR_DIMS(columns)[1] != 2))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("the columns of an image must be an array of names, or of pairs of name and type")));
	names->width = ARR_NDIM(columns) == 2 ? 2 : 1;
	deconstruct_array(columns, TEXTOID, -1, false, TYPALIGN_INT,
					  &names->values, &names->nulls, &n);
	names->natts = n / names->width;
}

static void
map_columns(RustsIncoming *in, const Names *names)
{
	RustsParts *parts = in->reader->parts;
	const RustsSchema *schema = in->schema;
	int			i;

	in->present = palloc0_array(bool, Max(schema->natts, 1));
	in->as_is = schema->ntags == parts->ntags;
	for (i = 0; i < parts->ntags; i++)
	{
		parts->tags[i].attno = map_column(in, names, parts->tags[i].attno,
										  RUSTS_KIND_BYTES, true);
		if (in->as_is && parts->tags[i].attno !=
			schema->columns[schema->tags[i]].attno)
			in->as_is = false;
	}
	for (i = 0; i < parts->ncolumns; i++)
	{
		RustsPartsColumn *column = &parts->columns[i];

		column->attno = map_column(in, names, column->attno, column->kind,
								   false);
		if (i > 0 && column->attno <= column[-1].attno)
			in->as_is = false;
	}

	/* Who looks for a column wants them in order. */
	if (parts->ncolumns > 1)
		qsort(parts->columns, parts->ncolumns, sizeof(RustsPartsColumn),
			  compare_columns);
}

/* What a column of the image is here. */
static AttrNumber
map_column(RustsIncoming *in, const Names *names, AttrNumber theirs,
		   RustsKind kind, bool tag)
{
	int			at = (theirs - 1) * names->width;
	Form_pg_attribute att;

	if (theirs < 1 || theirs > names->natts || names->nulls[at])
		rusts_image_report(in,
						   psprintf("Its column %d has no name.", theirs));
	att = find_column(in, TextDatumGetCString(names->values[at]));
	check_type(in, names, theirs, att, kind, tag);
	if (in->present[att->attnum - 1])
		rusts_image_report(in, psprintf("It has column \"%s\" twice.",
										NameStr(att->attname)));
	in->present[att->attnum - 1] = true;
	if (att->attnum != theirs)
		in->as_is = false;
	return att->attnum;
}

static Form_pg_attribute
find_column(RustsIncoming *in, const char *name)
{
	TupleDesc	desc = RelationGetDescr(in->rel);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return att;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of relation \"%s\" does not exist",
					name, RelationGetRelationName(in->rel))));
}

static void
check_type(RustsIncoming *in, const Names *names, AttrNumber theirs,
		   Form_pg_attribute att, RustsKind kind, bool tag)
{
	const RustsColumn *column =
	&in->schema->columns[in->schema->by_attno[att->attnum - 1]];
	int			at = (theirs - 1) * names->width + 1;
	bool		fits;

	if (!rusts_type_travels(att->atttypid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of relation \"%s\" cannot be in a cluster",
						NameStr(att->attname),
						RelationGetRelationName(in->rel)),
				 errdetail("Values of type %s are not sent to other nodes.",
						   format_type_be(att->atttypid))));
	fits = tag ? att->atttypid == TEXTOID : column->kind == kind;
	if (fits && names->width > 1 && !names->nulls[at])
		fits = strcmp(TextDatumGetCString(names->values[at]),
					  psprintf("%u", att->atttypid)) == 0;
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" is of type %s, but the image has values of another type for it",
						NameStr(att->attname),
						RelationGetRelationName(in->rel),
						format_type_be(att->atttypid))));
}

static int
compare_columns(const void *a, const void *b)
{
	return ((const RustsPartsColumn *) a)->attno -
		((const RustsPartsColumn *) b)->attno;
}
