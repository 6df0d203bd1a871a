-- Batches that have a name: sent again they are not written again.
SELECT rusts_write('batch_m,host=a v=1 1000000000', batch_id => 'b1');
SELECT rusts_write(E'batch_m,host=a v=2 1000000000\nbatch_m,host=b v=3 1', batch_id => 'b1');
SELECT rusts_write('batch_m,host=b v=4 1000000000', batch_id => 'b2');
SELECT host, v FROM batch_m ORDER BY host;

-- Rolled back it was not written.
BEGIN;
SELECT rusts_write('batch_m,host=c v=5 1000000000', batch_id => 'b3');
ROLLBACK;
SELECT rusts_write('batch_m,host=c v=6 1000000000', batch_id => 'b3');
BEGIN;
SAVEPOINT s;
SELECT rusts_write('batch_m,host=d v=7 1000000000', batch_id => 'b4');
ROLLBACK TO s;
SELECT rusts_write('batch_m,host=d v=8 1000000000', batch_id => 'b4');
SELECT rusts_write('batch_m,host=d v=9 1000000000', batch_id => 'b4');
COMMIT;
SELECT host, v FROM batch_m ORDER BY host;

-- Names.
SELECT rusts_write('batch_m,host=e v=1', batch_id => '');
SELECT rusts_write('batch_m,host=e v=1', batch_id => repeat('x', 201));
SELECT rusts_write('batch_m,host=e v=1 1', batch_id => NULL);
SELECT rusts_write('batch_m,host=e v=1 1'::bytea, batch_id => repeat('x', 200));
SELECT count(*) FROM rusts.cluster_batch WHERE batch LIKE 'b%' OR batch LIKE 'xx%';
DROP TABLE batch_m;
