use strict; use warnings; use FindBin; use lib $FindBin::RealBin;
use ClusterTest; use PostgreSQL::Test::Cluster; use PostgreSQL::Test::Utils; use Test::More;
use Time::HiRes qw(time); use IPC::Run;
my $cluster = ClusterTest->new('big', nodes => 3, shards => 8);
sub layout { my ($factor, @nodes) = @_;
 for my $self (1 .. 3) { my $path = $cluster->server($self)->data_dir . '/cluster.toml';
 my $text = qq(node_id = "node$self"\ncluster_name = "test"\nreplication_mode = "Sync"\nreplication_factor = $factor\nshard_count = 8\nsharding_strategy = "BySeries"\n);
 for (@nodes) { my ($i, $shards, $replicas) = @$_; $text .= sprintf qq([[nodes]]\nid = "node%d"\naddress = "127.0.0.1:%d"\nshards = [%s]\nreplica_shards = [%s]\n), $i, $cluster->server($i)->port, $shards, $replicas // ''; }
 open my $fh, '>', $path or die; print $fh $text; close $fh; } }
layout(1, [1,'0,1,2,3'],[2,'4,5,6,7'],[3,'']);
$cluster->apply;
$cluster->sql(1, q{SELECT rusts_write('cpu,host=h0,region=r a=1,b=2,c=3i 1')});
my $t=time;
$cluster->sql(1, q{INSERT INTO cpu (time, host, region, a, b, c) SELECT timestamptz '2024-01-01' + i * interval '1 second', 'h' || h, 'r' || h % 5, random(), i % 100, i FROM generate_series(1, 15000) AS i, generate_series(1, 100) AS h});
diag sprintf "loaded 4M in %.1f s", time-$t;
my $dir = PostgreSQL::Test::Utils::tempdir();
my @h; my @out; my @err;
for my $i (1..3) { my $path="$dir/w$i.sql"; open my $fh,'>',$path;
 print $fh "SELECT 'S', extract(epoch FROM clock_timestamp());\n\\timing on\n";
 for my $k (1..50) { print $fh "SELECT rusts_write(format('cpu,host=n$k,region=q a=%s %s', :round, 1700000000000000000 + :round * 10 + $i));\n" } close $fh;
 push @out,''; push @err,'';
 push @h, IPC::Run::start(['sh','-c','i=0; while [ ! -e "$1/stop" ] && [ $i -lt 5000 ]; do psql -XAtq -f "$2" -v round=$i -d "$3"; i=$((i + 1)); done','sh',$dir,$path,$cluster->server($i)->connstr('postgres')],'<','/dev/null','>',\$out[-1],'2>',\$err[-1]);
}
sub go { my ($name)=@_; my ($o,$e); my $t=time; $cluster->server(1)->psql('postgres','SELECT rusts_cluster_apply()',stdout=>\$o,stderr=>\$e); diag sprintf "%s: %.1f s\n%s", $name, time-$t, $e; }
layout(1, [1,'0,1'],[2,'6,7'],[3,'2,3,4,5']);
go('move half');
layout(2, [1,'0,1','6,7'],[2,'6,7','2,3,4,5'],[3,'2,3,4,5','0,1']);
go('replicas of all');
layout(1, [1,'0,1'],[2,'6,7'],[3,'2,3,4,5']);
go('drop replicas');
open my $fh,'>',"$dir/stop"; close $fh; $_->finish for @h;
for (@out) { my @s = /^S\|([\d.]+)/mg; my @gaps = sort { $b <=> $a } map { $s[$_+1]-$s[$_] } 0..$#s-1; diag "gaps: @gaps[0..5] of ".scalar(@s); }
diag "long: $_" for map { /^(Time: \d{4,}.*)$/mg } @out;
my @times; for (@out) { push @times, /Time: ([\d.]+) ms/g; }
@times = sort { $b <=> $a } @times;
diag "writes: ".scalar(@times)." slowest: @times[0..8] median $times[@times/2]";
diag "errors: $_" for grep {$_} @err;
diag $cluster->sql(1,'SELECT count(*) FROM cpu');
pass; $cluster->stop; done_testing();
