package graph_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func loadSchema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("schema/*.graphqls")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var sources []*ast.Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		sources = append(sources, &ast.Source{Name: file, Input: string(text)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	require.NoError(t, err)
	return schema
}

// TestEverythingIsDescribed keeps the documentation of the schema whole.
func TestEverythingIsDescribed(t *testing.T) {
	for name, definition := range loadSchema(t).Types {
		if definition.BuiltIn {
			continue
		}
		require.NotEmpty(t, definition.Description, name)
		for _, field := range definition.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			require.NotEmpty(t, field.Description, "%s.%s", name, field.Name)
			for _, argument := range field.Arguments {
				require.NotEmpty(t, argument.Description, "%s.%s(%s)", name, field.Name, argument.Name)
			}
		}
		for _, value := range definition.EnumValues {
			require.NotEmpty(t, value.Description, "%s.%s", name, value.Name)
		}
	}
}

// TestEveryQueryWaits holds the promise that every query takes atLeast.
func TestEveryQueryWaits(t *testing.T) {
	for _, field := range loadSchema(t).Query.Fields {
		if !strings.HasPrefix(field.Name, "__") {
			require.NotNil(t, field.Arguments.ForName("atLeast"), field.Name)
		}
	}
}

// TestConnectionsAreAlike holds every connection to the same shape.
func TestConnectionsAreAlike(t *testing.T) {
	schema := loadSchema(t)
	for name, definition := range schema.Types {
		node, is := strings.CutSuffix(name, "Connection")
		if !is {
			continue
		}
		require.Equal(t, "["+node+"Edge!]!", definition.Fields.ForName("edges").Type.String())
		require.Equal(t, "["+node+"!]!", definition.Fields.ForName("nodes").Type.String())
		require.Equal(t, "PageInfo!", definition.Fields.ForName("pageInfo").Type.String())
		edge := schema.Types[node+"Edge"]
		require.Equal(t, "String!", edge.Fields.ForName("cursor").Type.String())
		require.Equal(t, node+"!", edge.Fields.ForName("node").Type.String())
	}
}

// TestSamplesAreValid checks the operations that the console and the
// documentation offer against the schema.
func TestSamplesAreValid(t *testing.T) {
	schema := loadSchema(t)
	for file, pattern := range map[string]string{
		"console/static/samples.js": "(?s)query: `(.*?)`",
		"console/static/docs.js":    "(?s)introspection = `(.*?)`",
		"../docs/api.md":            "(?s)```graphql\n(.*?)```",
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, found, file)
		for _, sample := range found {
			_, faults := gqlparser.LoadQueryWithRules(schema, sample[1], nil)
			require.Empty(t, faults, sample[1])
		}
	}
}
