-- The table access method.

CREATE FUNCTION rusts.am_handler(internal) RETURNS table_am_handler
AS 'MODULE_PATHNAME', 'rusts_am_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION rusts.am_handler(internal) IS
'handler of the table access method rusts';

CREATE ACCESS METHOD rusts TYPE TABLE HANDLER rusts.am_handler;
COMMENT ON ACCESS METHOD rusts IS
'compressed columnar storage for time series';
