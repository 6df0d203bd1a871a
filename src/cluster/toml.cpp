/*-------------------------------------------------------------------------
 *
 * toml.cpp
 *	  A TOML text as a tree: libtomlplusplus for C.
 *
 * The library's own tree lives as long as ours, which points to its strings.
 * An assertion of the library's that fails is an exception, lest it end the
 * server; out of memory is another one.  None leaves this file.
 *
 * The library bounds how deeply values nest, but not the length of dotted
 * keys, each part of which is a table within the one before; and it frees
 * tables by recursion.  So the dots of a line are bounded here.
 *
 * src/cluster/toml.cpp
 *
 *-------------------------------------------------------------------------
 */
#include <cstdio>
#include <deque>
#include <stdexcept>
#include <string_view>

[[noreturn]] static void
fail_assertion()
{
	throw std::logic_error("the TOML parser has failed");
}

#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? void() : fail_assertion())
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

#include "cluster/toml.h"

#define MAX_DOTS_IN_LINE 256

namespace
{

struct Document: RustsToml
{
	toml::table table;
	std::deque<RustsTomlValue> values;
	char		error[500];
};

/* What C sees when not even a Document can be had. */
RustsToml	out_of_memory = {nullptr, 0, "out of memory"};

RustsTomlKind
kind_of(const toml::node &node)
{
	switch (node.type())
	{
		case toml::node_type::table:
			return RUSTS_TOML_TABLE;
		case toml::node_type::array:
			return RUSTS_TOML_ARRAY;
		case toml::node_type::string:
			return RUSTS_TOML_STRING;
		case toml::node_type::integer:
			return RUSTS_TOML_INTEGER;
		case toml::node_type::boolean:
			return RUSTS_TOML_BOOLEAN;
		case toml::node_type::floating_point:
			return RUSTS_TOML_FLOAT;
		default:
			return RUSTS_TOML_TIME;
	}
}

RustsTomlValue *
add_value(Document &document, const toml::node &node)
{
	document.values.push_back({});

	RustsTomlValue &value = document.values.back();
	const RustsTomlValue **last = &value.child;

	value.kind = kind_of(node);
	value.line = static_cast<int>(node.source().begin.line);
	if (auto string = node.as_string())
	{
		value.string = string->get().c_str();
		value.length = string->get().size();
	}
	else if (auto integer = node.as_integer())
		value.integer = integer->get();
	else if (auto boolean = node.as_boolean())
		value.integer = boolean->get();
	else if (auto array = node.as_array())
	{
		for (const toml::node &element : *array)
		{
			RustsTomlValue *child = add_value(document, element);

			*last = child;
			last = &child->next;
		}
	}
	else if (auto table = node.as_table())
	{
		for (auto &&[key, element] : *table)
		{
			RustsTomlValue *child = add_value(document, element);

			child->key = key.data();
			child->key_length = key.length();
			*last = child;
			last = &child->next;
		}
	}
	return &value;
}

/* The first line with too many dots, comments left out, or 0. */
int
dotted_line(const char *text, size_t size)
{
	int			line = 1;
	int			dots = 0;
	bool		comment = false;
	bool		blank = true;

	for (size_t i = 0; i < size; i++)
	{
		if (text[i] == '\n')
		{
			line++;
			dots = 0;
			comment = false;
			blank = true;
			continue;
		}
		if (text[i] == '#' && blank)
			comment = true;
		if (text[i] != ' ' && text[i] != '\t')
			blank = false;
		if (text[i] == '.' && !comment && ++dots > MAX_DOTS_IN_LINE)
			return line;
	}
	return 0;
}

/* No memory is needed to tell that there was none. */
RustsToml *
fail(Document *document, int line, std::string_view message)
{
	if (document == nullptr)
		return &out_of_memory;
	snprintf(document->error, sizeof(document->error), "%.*s",
			 static_cast<int>(message.size()), message.data());
	document->root = nullptr;
	document->line = line;
	document->message = document->error;
	return document;
}

}								/* namespace */

RustsToml *
rusts_toml_parse(const char *text, size_t size)
{
	Document   *document = nullptr;

	try
	{
		int			line = dotted_line(text, size);

		document = new Document();
		if (line > 0)
			return fail(document, line, "too many dots");
		document->table = toml::parse(std::string_view(text, size));
		document->root = add_value(*document, document->table);
		return document;
	}
	catch (const toml::parse_error &error)
	{
		return fail(document, static_cast<int>(error.source().begin.line),
					error.description());
	}
	catch (const std::logic_error &error)
	{
		return fail(document, 0, error.what());
	}
	catch (...)
	{
		return fail(document, 0, out_of_memory.message);
	}
}

void
rusts_toml_free(RustsToml *toml)
{
	if (toml != &out_of_memory)
		delete static_cast<Document *>(toml);
}
