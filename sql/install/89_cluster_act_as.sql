-- What comes from a transaction of another node in which several roles write.

CREATE FUNCTION rusts.store_image_as(table_name name, columns text[],
									 image bytea, batch text, role text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_store_image_as'
LANGUAGE C VOLATILE STRICT;
REVOKE ALL ON FUNCTION rusts.store_image_as(name, text[], bytea, text, text)
FROM PUBLIC;
COMMENT ON FUNCTION rusts.store_image_as(name, text[], bytea, text, text) IS
'rusts.store_image() with the rights of a role; internal';

CREATE FUNCTION rusts.delete_points_as(table_name name, columns text[],
									   image bytea, role text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_delete_points_as'
LANGUAGE C VOLATILE STRICT;
REVOKE ALL ON FUNCTION rusts.delete_points_as(name, text[], bytea, text)
FROM PUBLIC;
COMMENT ON FUNCTION rusts.delete_points_as(name, text[], bytea, text) IS
'rusts.delete_points() with the rights of a role; internal';

CREATE FUNCTION rusts.cluster_statement_as(statement text, settings text[],
										   role text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_statement_as'
LANGUAGE C VOLATILE STRICT;
REVOKE ALL ON FUNCTION rusts.cluster_statement_as(text, text[], text)
FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_statement_as(text, text[], text) IS
'rusts.cluster_statement() with the rights of a role; internal';
