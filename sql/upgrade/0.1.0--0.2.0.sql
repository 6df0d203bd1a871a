/*
 * From 0.1.0 to 0.2.0: only what test/tools/upgrade_script.pl cannot derive
 * from the two install scripts.
 */

ALTER TABLE rusts.segment
	ADD COLUMN cold_table oid,
	ADD COLUMN write_order int8,
	ADD COLUMN key_columns int8;

-- They have got one more argument.
DROP FUNCTION rusts_write(text, text, text);
DROP FUNCTION rusts_write(bytea, text, text);
