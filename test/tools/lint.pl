#!/usr/bin/perl
#
# lint.pl
#	  Check the rules of this source tree that a compiler cannot.
#
# Each rule is one test: "ok - rule" or "not ok - rule" followed by the places
# that break it.  Warnings are printed and do not count.  Exit status 1 says
# that a rule is broken.
#
# A rule is a function that returns its violations; adding one is adding a
# line to @rules.
#
# usage: perl test/tools/lint.pl, in the top directory
#
# test/tools/lint.pl

use strict;
use warnings;
use File::Find;

# Who may include whom: a directory includes itself and smaller numbers.
my %layer = (
	base => 0,
	proto => 1,
	codec => 1,
	vector => 1,
	meta => 2,
	segment => 3,
	write => 4,
	am => 5,
	cluster => 5,
	ingest => 6,
	exec => 6,
	plan => 7,
	cagg => 7,
	worker => 8,
	http => 8);

# The layers that need no server.
my $pure = qr{^src/(?:base|proto|codec|vector)/};

# What those may include of PostgreSQL: headers that work in a frontend.
my $frontend_header = qr{^(?:postgres|postgres_fe|c)\.h$|^port/|
	^common/(?:int|hashfn)\.h$}x;

my %top_level = map { $_ => 1 } qw(
  Makefile rusts.control sql src expected test README.md bench doc
  LICENSE-APACHE LICENSE-MIT CHANGELOG.md CONTRIBUTING.md);

my @rules = (
	[ 'files include downwards only', \&include_layers ],
	[ 'the lower layers need no server', \&pure_layers ],
	[ 'postgres.h comes first, and never in a header', \&postgres_first ],
	[ 'includes are in order', \&include_order ],
	[ 'only segment/page_*.c and am use buffers', \&buffer_users ],
	[ 'files stay below 1,000 lines', \&file_length ],
	[ 'every file has its banner', \&banner ],
	[ 'headers have their guard', \&include_guard ],
	[ 'C lines fit 79 columns', \&line_width ],
	[ 'C is indented with tabs, without trailing blanks', \&white_space ],
	[ 'C comments are /* */', \&comment_style ],
	[ 'nothing is left to do', \&left_to_do ],
	[ 'no file is named for being a drawer', \&file_names ],
	[ 'nothing unbounded, nothing sleeps', \&banned_calls ],
	[ 'nothing that PostgreSQL 16 to 18 took away', \&gone_names ],
	[ 'tests do not sleep', \&sleeping_tests ],
	[ 'every SQL object has its comment', \&sql_comments ],
	[ 'SQL functions name symbols that exist', \&sql_symbols ],
	[ 'every test has its expected output', \&expected_outputs ],
	[ 'external names begin with rusts_', \&external_names ],
	[ 'only what the server looks up is exported', \&exported_names ],
	[ 'the top level holds what belongs there', \&top_level ],
	[ 'scripts parse', \&scripts_parse ]);

my (%text, @c, @cpp, @h, @sources, @scripts, @install, @all);
my @warnings;

read_tree();

my $broken = 0;
foreach my $rule (@rules)
{
	my ($name, $check) = @$rule;
	my @found = $check->();

	print @found ? "not ok" : "ok", " - $name\n";
	print "    $_\n" foreach @found;
	$broken = 1 if @found;
}
print "# warning: $_\n" foreach @warnings;
exit $broken;

# Read every text file that is ours.
sub read_tree
{
	my @dirs = grep { -d } qw(src sql test bench doc);

	find(
		{
			no_chdir => 1,
			wanted => sub {
				my $path = $_;

				if (-d $path && $path =~ m{^test/data$|/\.|/__pycache__$})
				{
					$File::Find::prune = 1;
					return;
				}
				push @all, $path
				  if -f $path
				  && $path =~ m{\.(?:[chly]|cpp|sql|spec|pl|pm|sh|awk|conf|md)$};
			}
		},
		@dirs) if @dirs;
	push @all, grep { -f } qw(Makefile rusts.control README.md CHANGELOG.md
	  CONTRIBUTING.md .ci/run);
	@all = sort @all;

	foreach my $path (@all)
	{
		open my $fh, '<', $path or die "could not read $path: $!";
		local $/;
		$text{$path} = <$fh> // '';
	}
	@c = grep { m{^(?:src|test|bench)/.*\.c$} } @all;
	@cpp = grep { m{^src/.*\.cpp$} } @all;
	@h = grep { m{^(?:src|test|bench)/.*\.h$} } @all;
	@sources = sort @c, @cpp, @h;
	@scripts = grep { m{\.(?:sh|pl|pm)$|^\.ci/run$} } @all;
	@install = grep { m{^sql/install/} } @all;
	return;
}

# The quoted includes of a file, as [line number, name, conditional part].
sub includes
{
	my ($path) = @_;
	my @found;
	my ($n, $part) = (0, 0);

	foreach my $line (split /\n/, $text{$path})
	{
		$n++;
		$part++ if $line =~ /^\s*#\s*(?:if|else|elif|endif)/;
		push @found, [ $n, $1, $part ]
		  if $line =~ /^\s*#\s*include\s+"([^"]+)"/;
	}
	return @found;
}

# C without its comments and strings; line numbers stay.
sub bare
{
	my ($code) = @_;

	$code =~ s{("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(/\*.*?\*/)}
		{defined $1 ? '""' : "\n" x ($2 =~ tr/\n//)}gse;
	return $code;
}

# The places where an expression matches, as path:line.
sub places
{
	my ($path, $code, $pattern, $why) = @_;
	my @found;
	my $n = 0;

	foreach my $line (split /\n/, $code)
	{
		$n++;
		push @found, "$path:$n: $why: $&" if $line =~ $pattern;
	}
	return @found;
}

sub include_layers
{
	my @bad;

	foreach my $path (grep { m{^src/[^/]+/} } @sources)
	{
		my ($dir) = $path =~ m{^src/([^/]+)/};
		my $own = $layer{$dir};

		if (!defined $own)
		{
			push @bad, "$path: src/$dir is not a layer";
			next;
		}
		foreach my $include (includes($path))
		{
			my ($n, $name) = @$include;

			next unless -f "src/$name" && $name =~ m{^([^/]+)/};
			push @bad, "$path:$n: $dir may not include $name"
			  if $1 ne $dir && $layer{$1} >= $own;
		}
	}
	return @bad;
}

sub pure_layers
{
	my @bad;

	foreach my $path (grep { $_ =~ $pure } @sources)
	{
		foreach my $include (includes($path))
		{
			my ($n, $name) = @$include;

			push @bad, "$path:$n: needs a server: $name"
			  unless -f "src/$name" || $name =~ $frontend_header;
		}
		push @bad,
		  places($path, bare($text{$path}),
			qr/\b(?:palloc\w*|repalloc\w*|pfree|malloc|calloc|realloc|free|ereport|elog|PG_TRY)\s*\(/,
			'allocates or throws');
		push @bad, "$path: does not begin with the FRONTEND choice"
		  if $path =~ /\.c$/
		  && $text{$path} !~ m{^\#ifndef\ FRONTEND\n
			\#include\ "postgres\.h"\n
			\#else\n\#include\ "postgres_fe\.h"\n\#endif\n}mx;
	}
	return @bad;
}

sub postgres_first
{
	my @bad;

	foreach my $path (@h)
	{
		push @bad, "$path:$_->[0]: a header includes $_->[1]"
		  foreach grep { $_->[1] =~ /^(?:postgres|postgres_fe)\.h$/
			  || ($_->[1] eq 'c.h' && $path !~ $pure) } includes($path);
	}
	foreach my $path (grep { m{^src/} } @c)
	{
		my ($first) = $text{$path} =~ /^\s*#\s*include\s+["<]([^">]+)[">]/m;

		push @bad, "$path: does not include postgres.h first"
		  unless defined $first && $first eq 'postgres.h';
	}
	return @bad;
}

# PostgreSQL's headers, then ours, each block sorted; #if starts anew.
sub include_order
{
	my @bad;

	foreach my $path (grep { m{^src/} } @sources)
	{
		my ($last, $last_ours, $last_part) = ('', 0, 0);

		foreach my $include (includes($path))
		{
			my ($n, $name, $part) = @$include;
			my $ours = -f "src/$name" ? 1 : 0;

			($last, $last_ours) = ('', 0) if $part != $last_part;
			$last_part = $part;

			next if $name =~ /^postgres(?:_fe)?\.h$|_impl\.h$|_template\.h$/;
			next if $name =~ m{^lib/(?:simplehash|radixtree)\.h$};
			push @bad, "$path:$n: $name after $last"
			  if $ours < $last_ours || ($ours == $last_ours && $name lt $last);
			($last, $last_ours) = ($name, $ours);
		}
	}
	return @bad;
}

sub buffer_users
{
	my @bad;

	foreach my $path (grep { m{^src/} } @sources)
	{
		next
		  if $path =~ m{^src/(?:segment/page_\w+\.c$|meta/extents\.c$|am/)};
		push @bad, "$path:$_->[0]: includes $_->[1]"
		  foreach grep { $_->[1] =~ m{^storage/(?:bufmgr|buf_internals)\.h$} }
		  includes($path);
	}
	return @bad;
}

sub file_length
{
	my @bad;

	foreach my $path (@sources, @scripts)
	{
		my $lines = $text{$path} =~ tr/\n//;

		push @bad, "$path: $lines lines" if $lines >= 1000;
		push @warnings, "$path: $lines lines, 600 is the rule"
		  if $lines > 600 && $lines < 1000;
	}
	return @bad;
}

sub banner
{
	my @bad;

	foreach my $path (@sources)
	{
		my ($name) = $path =~ m{([^/]+)$};

		push @bad, $path
		  unless $text{$path} =~
		  m{\A/\*-+\n\ \*\n\ \*\ \Q$name\E\n\ \*\t\ \ \S.*?
			\n\ \*\ \Q$path\E\n\ \*\n\ \*-+\n\ \*/\n}sx;
	}
	foreach my $path (grep { !m{^\.ci/run$|^test/t/} } @scripts)
	{
		push @bad, $path unless $text{$path} =~ m{^\# \Q$path\E$}m;
	}
	return @bad;
}

# RUSTS_NAME_H or RUSTS_DIRECTORY_NAME_H.  A *_impl.h is a template, included
# once per type.
sub include_guard
{
	my @bad;

	foreach my $path (grep { !/_impl\.h$/ } @h)
	{
		my ($dir, $name) = $path =~ m{([^/]+)/([^/]+)\.h$};
		my $prefix = $path =~ m{^src/} ? 'RUSTS_' : '(?:RUSTS_)?';
		my $guard = qr/$prefix(?:\U$dir\E_)?\U$name\E_H/;

		push @bad, $path
		  unless $text{$path} =~ m{^\#ifndef\ ($guard)\n\#define\ \1\n.*
			^\#endif\s+/\*\ \1\ \*/\n\z}smx;
	}
	return @bad;
}

# Message strings are never broken, so that they can be searched for.
sub line_width
{
	my @bad;

	foreach my $path (@sources)
	{
		my $n = 0;

		foreach my $line (split /\n/, $text{$path})
		{
			my $width = 0;

			$n++;
			foreach my $char (split //, $line)
			{
				next if (ord($char) & 0xC0) == 0x80;
				$width += $char eq "\t" ? 4 - $width % 4 : 1;
			}
			next if $width <= 79;
			next if $line =~ /^\s*(?:\w+\()?"(?:\\.|[^"\\])*"[\w\s,;)]*$/;
			push @bad, "$path:$n: $width columns";
		}
	}
	return @bad;
}

sub white_space
{
	my @bad;

	foreach my $path (@sources)
	{
		push @bad, places($path, $text{$path}, qr/[ \t]+$/, 'trailing blank');
		push @bad, places($path, $text{$path}, qr/^\t* {4,}(?=\S)/,
			'spaces for a tab');
		push @bad, places($path, $text{$path}, qr/\r/, 'carriage return');
		push @bad, "$path: the last line does not end"
		  unless $text{$path} =~ /\n\z/;
	}
	return @bad;
}

sub comment_style
{
	return map { places($_, bare($text{$_}), qr{//.*}, 'comment') } @sources;
}

sub left_to_do
{
	my $words = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'HA' . 'CK', 'TB' . 'D',
	  'for ' . 'now', 'not implemented ' . 'yet';
	my $here = '/wo' . 'rk/(?:main|shared)';

	return (
		map { places($_, $text{$_}, qr/\b(?:$words)\b/, 'says') }
		  grep { !/^expected/ } @all),
	  map { places($_, $text{$_}, qr{$here}, 'names one machine') } @all;
}

sub file_names
{
	return grep { m{(?:^|/)(?:utils?|helpers?|manager|misc|common)\.[ch]$} }
	  @sources;
}

sub banned_calls
{
	return map {
		places(
			$_,
			bare($text{$_}),
			qr/\b(?:strcpy|strcat|sprintf|vsprintf|gets|pg_usleep|usleep|sleep|abort|exit|system)\s*\(/,
			'calls')
	  }
	  grep { m{^src/} } @sources;
}

# What compiles on 15 only; src/compat.h is the place for both spellings.
sub gone_names
{
	my $gone = join '|', qw(pg_attribute_noreturn heap_inplace_update
	  RelationSetNewRelfilenode pg_class_ownercheck pg_type_ownercheck
	  pg_class_aclcheck pg_namespace_aclcheck pg_database_aclcheck
	  pg_proc_aclcheck rd_node pk_strategy ec_members
	  get_ordering_op_properties);

	return map { places($_, bare($text{$_}), qr/\b(?:$gone)\b/, 'uses') }
	  grep { m{^src/} && $_ ne 'src/compat.h' } @sources;
}

sub sleeping_tests
{
	return map { places($_, $text{$_}, qr/\b(?:pg_)?u?sleep\b/, 'sleeps') }
	  grep { m{^sql/[^/]+\.sql$|^test/isolation/|^test/t/} } @all;
}

# SQL without its comments and string bodies, which may hold anything.
sub bare_sql
{
	my ($sql) = @_;

	$sql =~ s{/\*.*?\*/}{ }gs;
	$sql =~ s{--[^\n]*}{}g;
	$sql =~ s{(\$\w*\$).*?\1}{''}gs;
	return $sql;
}

sub sql_comments
{
	my $sql = join "\n", map { bare_sql($text{$_}) } @install;
	my $kind = 'FUNCTION|PROCEDURE|AGGREGATE|VIEW|TABLE|SCHEMA|TYPE|DOMAIN|' .
	  'OPERATOR CLASS|OPERATOR FAMILY|SEQUENCE|ACCESS METHOD|EVENT TRIGGER';
	my (%commented, @bad);

	while ($sql =~ /\bCOMMENT\s+ON\s+($kind)\s+([\w."@]+)/gi)
	{
		$commented{ uc "$1 $2" } = 1;
	}
	while ($sql =~
		/\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:UNLOGGED\s+)?($kind)\s+([\w."@]+)/gi)
	{
		push @bad, "$1 $2 has no comment" unless $commented{ uc "$1 $2" };
	}
	return @bad;
}

sub sql_symbols
{
	my (%defined, @bad);

	foreach my $path (grep { m{^src/} } @c)
	{
		$defined{$1} = 1
		  while $text{$path} =~ /^PG_FUNCTION_INFO_V1\((\w+)\)/mg;
	}
	foreach my $path (@install)
	{
		my $sql = bare_sql($text{$path});

		while ($sql =~ /\bCREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(?:\w+\.)?(\w+)
			([^;]*?)\bAS\s+'MODULE_PATHNAME'(?:\s*,\s*'(\w+)')?/gisx)
		{
			my $symbol = $3 // $1;

			push @bad, "$path: $1: no C function $symbol"
			  unless $defined{$symbol};
			push @bad, "$path: $1: $symbol does not begin with rusts_"
			  unless $symbol =~ /^rusts_/;
		}
	}
	return @bad;
}

sub expected_outputs
{
	my @bad;

	foreach my $path (@all)
	{
		if ($path =~ m{^sql/([^/]+)\.sql$})
		{
			push @bad, "$path: no expected/$1.out"
			  unless -f "expected/$1.out" || -f "expected/$1_1.out";
		}
		elsif ($path =~ m{^test/isolation/specs/([^/]+)\.spec$})
		{
			push @bad, "$path: no test/isolation/expected/$1.out"
			  unless -f "test/isolation/expected/$1.out";
		}
	}
	foreach my $path (glob 'expected/*.out')
	{
		my ($name) = $path =~ m{^expected/(.*?)(?:_\d)?\.out$};

		push @bad, "$path: no sql/$name.sql"
		  unless -f "sql/$name.sql" || $path =~ m{^expected/(.*)\.out$}
		  && -f "sql/$1.sql";
	}
	return @bad;
}

# What an object file or library defines for others, by nm.
sub defined_names
{
	my (@command) = @_;
	my @names;

	open my $nm, '-|', @command or return;
	while (<$nm>)
	{
		push @names, $1 if /\b[TDBRVWGS] (\S+)$/;
	}
	close $nm;
	return @names;
}

sub external_names
{
	my @objects = grep { -f }
	  map { s/\.c(?:pp)?$/.o/r } grep { m{^src/} } @c, @cpp;
	my $cpp = qr/_Z|DW\.ref\./;

	return unless @objects;
	return grep { !/^(?:$cpp|rusts_|pg_finfo_rusts_|_PG_init$|Pg_magic_func$)/ }
	  defined_names('nm', '-g', '--defined-only', @objects);
}

sub exported_names
{
	my %wanted = (_PG_init => 1, Pg_magic_func => 1);

	return unless -f 'rusts.so';
	foreach my $path (grep { m{^src/} } @c)
	{
		while ($text{$path} =~ /^PG_FUNCTION_INFO_V1\((\w+)\)/mg)
		{
			$wanted{$1} = $wanted{"pg_finfo_$1"} = 1;
		}
		$wanted{$1} = 1
		  while $text{$path} =~ /bgw_function_name,\s*"(\w+)"/g;
	}
	return grep { !$wanted{$_} }
	  defined_names('nm', '-D', '--defined-only', 'rusts.so');
}

sub top_level
{
	my $tracked = `git ls-files 2>/dev/null`;
	my %seen;

	$seen{ (split m{/}, $_)[0] } = 1 foreach split /\n/, $tracked;
	return grep { !/^\./ && !$top_level{$_} } sort keys %seen;
}

sub scripts_parse
{
	my @bad;

	foreach my $path (grep { !/\.pm$/ } @scripts)
	{
		next if $path =~ m{^test/t/};
		my @command =
		  $path =~ /\.pl$/ ? ($^X, '-c', $path) : ('bash', '-n', $path);
		my $pid = fork // die "could not fork: $!";

		if ($pid == 0)
		{
			open STDOUT, '>', '/dev/null';
			open STDERR, '>', '/dev/null';
			exec @command or exit 127;
		}
		waitpid $pid, 0;
		push @bad, $path if $?;
	}
	return @bad;
}
