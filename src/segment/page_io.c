/*-------------------------------------------------------------------------
 *
 * page_io.c
 *	  The main fork of a measurement: metapage and segment extents.
 *
 * The only file that touches the buffer manager.  Block 0 is the metapage:
 *
 *		0	uint32	magic
 *		4	uint32	format version
 *		8	int64	storage id, random, never reused
 *		16	int64	next row number
 *		24	int64	rows written, about (for the planner)
 *		32	uint32	flags
 *
 * The others belong to segments.  A segment's image is cut into pieces of
 * equal size, one per page, in consecutive blocks; the special area of each
 * page says whose it is:
 *
 *		0	int64	storage id
 *		8	int64	segment id
 *		16	uint32	number of the page in its segment
 *		20	uint32	CRC-32C of the piece
 *
 * so that a reader that lost a race with the reuse of an extent, or meets a
 * damaged page, notices.  Pages are standard pages (checksum, LSN, hole), so
 * full-page records are all the WAL they need.  A segment's page is never
 * changed once it is written, until it is another's.
 *
 * Extents are written where the file ends or where nobody needs what is
 * there (free_space.c).  Pages are logged before their directory row is;
 * those of an aborted writer belong to nobody.
 *
 * An unlogged relation's init fork holds a metapage with the flag PRISTINE
 * and no storage id: after a crash the relation is empty whatever the
 * directory says, until the first writer draws a new id.
 *
 * src/segment/page_io.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/storage.h"
#include "catalog/storage_xlog.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "base/bytes.h"
#include "base/crc.h"
#include "compat.h"
#include "meta/tid.h"
#include "segment/page_checks.h"
#include "segment/page_io.h"
#include "segment/page_write.h"

#define META_MAGIC			0x4d545352	/* "RSTM" */
#define META_VERSION		1
#define META_PRISTINE		0x0001

#define META_OFF_MAGIC		0
#define META_OFF_VERSION	4
#define META_OFF_STORAGE	8
#define META_OFF_NEXT_ROW	16
#define META_OFF_ROWS		24
#define META_OFF_FLAGS		32
#define META_SIZE			40

#define SPECIAL_OFF_STORAGE	0
#define SPECIAL_OFF_SEGMENT	8
#define SPECIAL_OFF_INDEX	16
#define SPECIAL_OFF_CRC		20
#define SPECIAL_SIZE		24

#define PAGE_PAYLOAD \
	(BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - SPECIAL_SIZE)

/* What is found where an extent was that has been reused or given back. */
static const char file_ends[] = "The file ends before it.";
static const char page_is_empty[] = "The page is empty.";
static const char page_of_another[] = "The page belongs to another segment.";

static int64 random_storage_id(void);
static void init_metapage(Page page, int64 storage_id, uint32 flags);
static void write_metapage(SMgrRelation srel, ForkNumber fork,
						   int64 storage_id, uint32 flags, bool use_wal);
static bool is_metapage(Page page);
static void check_metapage(Relation rel, Page page);
static int64 storage_id_on_disk(Relation rel);
static void fill_page(Page page, int64 storage_id, int64 segment_id,
					  uint32 index, const uint8 *piece, uint32 len);
static int64 buffer_hits(void);
static const char *check_page(Buffer buffer, int64 storage_id,
							  int64 segment_id, uint32 index,
							  bool from_disk);

void
rusts_storage_create(const RelFileLocator *locator, char persistence)
{
	SMgrRelation srel = RelationCreateStorage(*locator, persistence, true);

	write_metapage(srel, MAIN_FORKNUM, random_storage_id(), 0,
				   persistence == RELPERSISTENCE_PERMANENT && XLogIsNeeded());
	if (persistence == RELPERSISTENCE_UNLOGGED)
	{
		/* As heapam does: the init fork must survive in any case. */
		smgrcreate(srel, INIT_FORKNUM, false);
		log_smgrcreate(locator, INIT_FORKNUM);
		write_metapage(srel, INIT_FORKNUM, 0, META_PRISTINE, true);
		smgrimmedsync(srel, INIT_FORKNUM);
	}
}

/*
 * The page goes to the file before it is logged: a checkpoint that begins
 * after the record must find the write registered for its fsync.
 */
static void
write_metapage(SMgrRelation srel, ForkNumber fork, int64 storage_id,
			   uint32 flags, bool use_wal)
{
	PGAlignedBlock block;
	Page		page = (Page) block.data;
	RelFileLocator locator = SMgrLocator(srel);

	init_metapage(page, storage_id, flags);
	PageSetChecksumInplace(page, 0);
	smgrextend(srel, fork, 0, block.data, false);
	if (use_wal)
		log_newpage(&locator, fork, 0, page, true);
}

static void
init_metapage(Page page, int64 storage_id, uint32 flags)
{
	char	   *meta;

	PageInit(page, BLCKSZ, 0);
	meta = PageGetContents(page);
	rusts_put_u32(meta + META_OFF_MAGIC, META_MAGIC);
	rusts_put_u32(meta + META_OFF_VERSION, META_VERSION);
	rusts_put_u64(meta + META_OFF_STORAGE, storage_id);
	rusts_put_u64(meta + META_OFF_NEXT_ROW, 0);
	rusts_put_u64(meta + META_OFF_ROWS, 0);
	rusts_put_u32(meta + META_OFF_FLAGS, flags);
	((PageHeader) page)->pd_lower = (meta + META_SIZE) - (char *) page;
}

/* Positive, so that it is never mistaken for "none". */
static int64
random_storage_id(void)
{
	uint64		id;

	do
	{
		if (!pg_strong_random(&id, sizeof(id)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate a random storage id")));
		id &= PG_INT64_MAX;
	} while (id == 0);
	return (int64) id;
}

static bool
is_metapage(Page page)
{
	return !PageIsNew(page) &&
		rusts_get_u32(PageGetContents(page) + META_OFF_MAGIC) == META_MAGIC;
}

static void
check_metapage(Relation rel, Page page)
{
	const char *meta = PageGetContents(page);

	if (!is_metapage(page))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the metapage of measurement \"%s\" is corrupted",
						RelationGetRelationName(rel)),
				 errhint("Restore the measurement from a backup.")));
	if (rusts_get_u32(meta + META_OFF_VERSION) != META_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("measurement \"%s\" has storage format version %u, but this version of rusts reads version %u",
						RelationGetRelationName(rel),
						rusts_get_u32(meta + META_OFF_VERSION),
						META_VERSION)));
}

void
rusts_storage_read(Relation rel, RustsStorage *storage)
{
	Buffer		buffer = ReadBuffer(rel, 0);
	const char *meta;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	check_metapage(rel, BufferGetPage(buffer));
	meta = PageGetContents(BufferGetPage(buffer));
	storage->storage_id = rusts_get_u64(meta + META_OFF_STORAGE);
	storage->next_row = rusts_get_u64(meta + META_OFF_NEXT_ROW);
	storage->rows = rusts_get_u64(meta + META_OFF_ROWS);
	UnlockReleaseBuffer(buffer);
}

int64
rusts_storage_id(Relation rel)
{
	RustsStorage storage;

	if (RELATION_IS_OTHER_TEMP(rel))
		return storage_id_on_disk(rel);
	rusts_storage_read(rel, &storage);
	return storage.storage_id;
}

/*
 * Another session's temporary relation lives in that session's local
 * buffers; but its id is on disk from the beginning.
 */
static int64
storage_id_on_disk(Relation rel)
{
	SMgrRelation srel = RelationGetSmgr(rel);
	PGAlignedBlock block;

	if (!smgrexists(srel, MAIN_FORKNUM) ||
		smgrnblocks(srel, MAIN_FORKNUM) == 0)
		return 0;
	smgrread(srel, MAIN_FORKNUM, 0, block.data);
	if (!is_metapage((Page) block.data))
		return 0;
	return rusts_get_u64(PageGetContents((Page) block.data) +
						 META_OFF_STORAGE);
}

int64
rusts_storage_id_if_readable(Relation rel)
{
	Buffer		buffer;
	int64		id = 0;

	if (RELATION_IS_OTHER_TEMP(rel))
		return storage_id_on_disk(rel);
	if (smgrexists(RelationGetSmgr(rel), MAIN_FORKNUM) &&
		RelationGetNumberOfBlocks(rel) > 0)
	{
		buffer = ReadBufferExtended(rel, MAIN_FORKNUM, 0, RBM_ZERO_ON_ERROR,
									NULL);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (is_metapage(BufferGetPage(buffer)))
		{
			id = rusts_get_u64(PageGetContents(BufferGetPage(buffer)) +
							   META_OFF_STORAGE);
			UnlockReleaseBuffer(buffer);
			return id;
		}
		UnlockReleaseBuffer(buffer);
	}
	ereport(WARNING,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the metapage of measurement \"%s\" is corrupted",
					RelationGetRelationName(rel))));
	return 0;
}

int64
rusts_storage_reserve(Relation rel, int64 n, int64 expected, int64 new_rows)
{
	Buffer		buffer = ReadBuffer(rel, 0);
	GenericXLogState *state;
	char	   *meta;
	int64		first;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	check_metapage(rel, BufferGetPage(buffer));
	meta = PageGetContents(BufferGetPage(buffer));
	first = rusts_get_u64(meta + META_OFF_NEXT_ROW);
	if (expected >= 0 && first != expected)
	{
		UnlockReleaseBuffer(buffer);
		return -1;
	}
	if (n > RUSTS_MAX_ROW - first)
	{
		UnlockReleaseBuffer(buffer);
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("measurement \"%s\" has used up its row numbers",
						RelationGetRelationName(rel)),
				 errhint("Run VACUUM FULL on it to number the rows anew.")));
	}

	state = GenericXLogStart(rel);
	meta = PageGetContents(GenericXLogRegisterBuffer(state, buffer, 0));
	if (rusts_get_u32(meta + META_OFF_FLAGS) & META_PRISTINE)
	{
		rusts_put_u64(meta + META_OFF_STORAGE, random_storage_id());
		rusts_put_u32(meta + META_OFF_FLAGS,
					  rusts_get_u32(meta + META_OFF_FLAGS) & ~META_PRISTINE);
	}
	rusts_put_u64(meta + META_OFF_NEXT_ROW, first + n);
	rusts_put_u64(meta + META_OFF_ROWS,
				  rusts_get_u64(meta + META_OFF_ROWS) + new_rows);
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
	return first;
}

void
rusts_storage_unreserve(Relation rel, int64 first_unused, int64 end)
{
	Buffer		buffer = ReadBuffer(rel, 0);
	GenericXLogState *state;
	char	   *meta;
	int64		rows;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(rel);
	meta = PageGetContents(GenericXLogRegisterBuffer(state, buffer, 0));
	if (rusts_get_u64(meta + META_OFF_NEXT_ROW) == end)
		rusts_put_u64(meta + META_OFF_NEXT_ROW, first_unused);
	rows = rusts_get_u64(meta + META_OFF_ROWS);
	rusts_put_u64(meta + META_OFF_ROWS, Max(rows - (end - first_unused), 0));
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

void
rusts_storage_set_rows(Relation rel, int64 rows)
{
	Buffer		buffer = ReadBuffer(rel, 0);
	GenericXLogState *state;
	char	   *meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	meta = PageGetContents(BufferGetPage(buffer));
	if (rusts_get_u64(meta + META_OFF_ROWS) != rows)
	{
		state = GenericXLogStart(rel);
		meta = PageGetContents(GenericXLogRegisterBuffer(state, buffer, 0));
		rusts_put_u64(meta + META_OFF_ROWS, rows);
		GenericXLogFinish(state);
	}
	UnlockReleaseBuffer(buffer);
}

void
rusts_storage_renew(Relation rel)
{
	Buffer		buffer = ReadBuffer(rel, 0);
	GenericXLogState *state;
	char	   *meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(rel);
	meta = PageGetContents(GenericXLogRegisterBuffer(state, buffer, 0));
	rusts_put_u64(meta + META_OFF_STORAGE, random_storage_id());
	rusts_put_u64(meta + META_OFF_ROWS, 0);
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

uint32
rusts_page_payload(void)
{
	return PAGE_PAYLOAD;
}

uint64
rusts_extent_pages(uint64 len)
{
	return (len + PAGE_PAYLOAD - 1) / PAGE_PAYLOAD;
}

BlockNumber
rusts_extent_write(Relation rel, int64 storage_id, int64 segment_id,
				   const uint8 *image, uint64 len, BlockNumber at)
{
	uint64		npages = rusts_extent_pages(len);
	char	   *pages = palloc(RUSTS_LOGGED_PAGES * BLCKSZ);
	uint64		first;
	uint64		i;

	if (at == InvalidBlockNumber)
		at = rusts_pages_extend(rel, npages);
	for (first = 0; first < npages; first += RUSTS_LOGGED_PAGES)
	{
		uint32		n = Min(RUSTS_LOGGED_PAGES, npages - first);

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < n; i++)
		{
			uint64		done = (first + i) * PAGE_PAYLOAD;

			fill_page(pages + i * BLCKSZ, storage_id, segment_id, first + i,
					  image + done, Min(len - done, PAGE_PAYLOAD));
		}
		rusts_pages_write(rel, at + first, pages, n);
	}
	pfree(pages);
	return at;
}

const char *
rusts_extent_copy(Relation rel, int64 storage_id, int64 segment_id,
				  BlockNumber from, BlockNumber to, uint32 nblocks,
				  BlockNumber *bad_block)
{
	char	   *pages = palloc(RUSTS_LOGGED_PAGES * BLCKSZ);
	const char *problem = NULL;
	uint32		first;
	uint32		i;

	for (first = 0; first < nblocks && problem == NULL;
		 first += RUSTS_LOGGED_PAGES)
	{
		uint32		n = Min(RUSTS_LOGGED_PAGES, nblocks - first);

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < n && problem == NULL; i++)
		{
			Buffer		buffer = ReadBuffer(rel, from + first + i);

			*bad_block = from + first + i;
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			problem = check_page(buffer, storage_id, segment_id, first + i,
								 true);
			memcpy(pages + i * BLCKSZ, BufferGetPage(buffer), BLCKSZ);
			UnlockReleaseBuffer(buffer);
		}
		if (problem == NULL)
			rusts_pages_write(rel, to + first, pages, n);
	}
	pfree(pages);
	return problem;
}

static void
fill_page(Page page, int64 storage_id, int64 segment_id, uint32 index,
		  const uint8 *piece, uint32 len)
{
	char	   *special;

	PageInit(page, BLCKSZ, SPECIAL_SIZE);
	memcpy(PageGetContents(page), piece, len);
	((PageHeader) page)->pd_lower =
		MAXALIGN(SizeOfPageHeaderData) + len;

	special = PageGetSpecialPointer(page);
	rusts_put_u64(special + SPECIAL_OFF_STORAGE, storage_id);
	rusts_put_u64(special + SPECIAL_OFF_SEGMENT, segment_id);
	rusts_put_u32(special + SPECIAL_OFF_INDEX, index);
	rusts_put_u32(special + SPECIAL_OFF_CRC, rusts_crc32c(piece, len));
}

const char *
rusts_extent_read(Relation rel, int64 storage_id, int64 segment_id,
				  BlockNumber first_block, uint32 nblocks, uint64 offset,
				  size_t len, uint8 *dst, bool zero_damaged,
				  bool *in_file, BlockNumber *bad_block)
{
	BlockNumber end = MaxBlockNumber;

	/*
	 * Reading beyond the end of the file is an error that nobody can skip. A
	 * standby's file may get shorter at any time.
	 */
	if (in_file == NULL || !*in_file || RecoveryInProgress())
		end = RelationGetNumberOfBlocks(rel);
	if (in_file != NULL && first_block + nblocks <= end)
		*in_file = true;

	while (len > 0)
	{
		uint64		index = offset / PAGE_PAYLOAD;
		uint32		skip = offset % PAGE_PAYLOAD;
		size_t		take = Min(len, PAGE_PAYLOAD - skip);
		Buffer		buffer;
		Page		page;
		const char *problem;
		int64		hits;

		CHECK_FOR_INTERRUPTS();
		*bad_block = first_block + index;
		if (index >= nblocks)
			return "The segment is shorter than its header says.";
		if (first_block + index >= end)
			return file_ends;
		hits = buffer_hits();
		buffer = ReadBufferExtended(rel, MAIN_FORKNUM, first_block + index,
									zero_damaged ? RBM_ZERO_ON_ERROR :
									RBM_NORMAL, NULL);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		problem = check_page(buffer, storage_id, segment_id, index,
							 buffer_hits() == hits);
		if (problem == NULL &&
			((PageHeader) page)->pd_lower <
			MAXALIGN(SizeOfPageHeaderData) + skip + take)
			problem = "The page holds less than its segment's header says.";
		if (problem == NULL)
			memcpy(dst, PageGetContents(page) + skip, take);
		UnlockReleaseBuffer(buffer);
		if (problem != NULL)
			return problem;
		dst += take;
		offset += take;
		len -= take;
	}
	return NULL;
}

bool
rusts_extent_is_gone(const char *problem)
{
	return RecoveryInProgress() &&
		(problem == file_ends || problem == page_is_empty ||
		 problem == page_of_another);
}

/* How many buffers were found and not read. */
static int64
buffer_hits(void)
{
	return pgBufferUsage.shared_blks_hit + pgBufferUsage.local_blks_hit;
}

/*
 * NULL if the page is that page of that segment and undamaged.  What comes
 * from disk is compared with its checksum.
 */
static const char *
check_page(Buffer buffer, int64 storage_id, int64 segment_id, uint32 index,
		   bool from_disk)
{
	Page		page = BufferGetPage(buffer);
	PageHeader	header = (PageHeader) page;
	const char *special;
	uint32		len;
	uint32		crc;
	uint64		mark;

	/* It may have been sound when it was here before. */
	if (from_disk)
		rusts_page_set_unchecked(buffer);
	if (PageIsNew(page))
		return page_is_empty;
	if (header->pd_special != BLCKSZ - SPECIAL_SIZE ||
		header->pd_lower < MAXALIGN(SizeOfPageHeaderData) ||
		header->pd_lower > header->pd_special)
		return "The page is not a page of a segment.";
	special = (char *) page + header->pd_special;
	if (rusts_get_u64(special + SPECIAL_OFF_STORAGE) != storage_id ||
		rusts_get_u64(special + SPECIAL_OFF_SEGMENT) != segment_id ||
		rusts_get_u32(special + SPECIAL_OFF_INDEX) != index)
		return page_of_another;
	crc = rusts_get_u32(special + SPECIAL_OFF_CRC);
	mark = rusts_page_mark(storage_id, segment_id, index, crc);
	if (!from_disk && rusts_page_is_checked(buffer, mark))
		return NULL;
	len = header->pd_lower - MAXALIGN(SizeOfPageHeaderData);
	if (crc != rusts_crc32c(PageGetContents(page), len))
		return "The page's checksum does not match its contents.";
	rusts_page_set_checked(buffer, mark);
	return NULL;
}
