package feeds_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// jsonRules holds a document to the schema of JSON Feed 1.1 in testdata.
func jsonRules(t *testing.T, data []byte) {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join("testdata", "jsonfeed-1.1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	root := decoded(t, schema)
	s := schemaCheck{root: root}
	s.check("feed", root, decoded(t, data))
	for _, fault := range s.faults {
		t.Error(fault)
	}
}

func decoded(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// schemaCheck knows of JSON Schema what the schema of JSON Feed uses, and
// refuses any other word.
type schemaCheck struct {
	root   map[string]any
	faults []string
}

// as is v where it is a T, else nothing of that.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}

func (s *schemaCheck) fault(at, format string, args ...any) {
	s.faults = append(s.faults, at+": "+fmt.Sprintf(format, args...))
}

func (s *schemaCheck) check(at string, schema map[string]any, v any) {
	for _, word := range slices.Sorted(maps.Keys(schema)) {
		rule := schema[word]
		switch word {
		case "$schema", "title", "definitions":
		case "$ref":
			definitions, _ := s.root["definitions"].(map[string]any)
			definition, found := definitions[strings.TrimPrefix(fmt.Sprint(rule), "#/definitions/")].(map[string]any)
			if !found {
				s.fault(at, "the schema lacks %v", rule)
			}
			s.check(at, definition, v)
		case "type":
			s.kind(at, fmt.Sprint(rule), v)
		case "enum":
			if !slices.Contains(as[[]any](rule), v) {
				s.fault(at, "%v is none of %v", v, rule)
			}
		case "format":
			s.format(at, as[string](rule), v)
		case "minLength":
			if str, ok := v.(string); ok && len(str) < int(as[float64](rule)) {
				s.fault(at, "too short")
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < as[float64](rule) {
				s.fault(at, "%v is too little", n)
			}
		case "items":
			list := as[[]any](v)
			for i, item := range list {
				s.check(fmt.Sprintf("%s[%d]", at, i), as[map[string]any](rule), item)
			}
		case "anyOf":
			s.any(at, as[[]any](rule), v)
		case "required":
			object := as[map[string]any](v)
			for _, name := range as[[]any](rule) {
				if _, ok := object[as[string](name)]; !ok {
					s.fault(at, "%v is missing", name)
				}
			}
		case "minProperties":
			if object, ok := v.(map[string]any); ok && len(object) < int(as[float64](rule)) {
				s.fault(at, "is empty")
			}
		case "properties":
			s.properties(at, schema, v)
		case "patternProperties", "additionalProperties": // see properties
		default:
			s.fault(at, "the schema says %q", word)
		}
	}
}

func (s *schemaCheck) any(at string, rules []any, v any) {
	for _, rule := range rules {
		one := schemaCheck{root: s.root}
		if one.check(at, as[map[string]any](rule), v); len(one.faults) == 0 {
			return
		}
	}
	s.fault(at, "none of the alternatives holds")
}

func (s *schemaCheck) kind(at, kind string, v any) {
	var ok bool
	switch kind {
	case "object":
		_, ok = v.(map[string]any)
	case "array":
		_, ok = v.([]any)
	case "string":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "integer":
		var n float64
		n, ok = v.(float64)
		ok = ok && n == float64(int64(n))
	}
	if !ok {
		s.fault(at, "%T is no %s", v, kind)
	}
}

func (s *schemaCheck) format(at, format string, v any) {
	str, ok := v.(string)
	if !ok {
		return
	}
	switch format {
	case "uri":
		if u, err := url.Parse(str); err != nil || !u.IsAbs() || !uriForm.MatchString(str) {
			s.fault(at, "%q is no address", str)
		}
	case "date-time":
		if _, err := time.Parse(time.RFC3339, str); err != nil {
			s.fault(at, "%v", err)
		}
	default:
		s.fault(at, "the schema wants a %q", format)
	}
}

func (s *schemaCheck) properties(at string, schema map[string]any, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		return
	}
	known := as[map[string]any](schema["properties"])
	patterns, _ := schema["patternProperties"].(map[string]any)
	for name, value := range object {
		if rule, ok := known[name]; ok {
			s.check(at+"."+name, as[map[string]any](rule), value)
			continue
		}
		matched := false
		for pattern := range patterns {
			matched = matched || regexp.MustCompile(pattern).MatchString(name)
		}
		if !matched && schema["additionalProperties"] == false {
			s.fault(at, "%q is not part of JSON Feed", name)
		}
	}
}

// TestSchemaRefuses makes sure that the schema finds what it should.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema, err := os.ReadFile(filepath.Join("testdata", "jsonfeed-1.1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	root := decoded(t, schema)
	good := `{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": [{"id": "1", "content_html": "x"}]}`
	for _, tc := range []struct{ was, is string }{
		{"", ""},
		{"version/1.1", "version/1"},
		{`"title": "x"`, `"titel": "x"`},
		{`"id": "1", `, ``},
		{`"id": "1"`, `"id": 1`},
		{`"content_html": "x"`, `"url": "https://x.example/"`},
		{`"content_html": "x"`, `"content_html": "x", "url": "/relative"`},
		{`"content_html": "x"`, `"content_html": "x", "date_modified": "2026-11-22"`},
		{`"content_html": "x"`, `"content_html": "x", "authors": [{}]`},
		{`"content_html": "x"`, `"content_html": "x", "attachments": [{"url": "https://x.example/"}]`},
		{`"content_html": "x"`, `"content_html": "x", "attachments": [{"url": "https://x.example/", "mime_type": "a/b", "size": 3}]`},
		{`"items": [`, `"items": null, "_x": [`},
	} {
		s := schemaCheck{root: root}
		s.check("feed", root, decoded(t, []byte(strings.Replace(good, tc.was, tc.is, 1))))
		if refused := len(s.faults) > 0; refused != (tc.was != "") {
			t.Errorf("%s in place of %s: %v", tc.is, tc.was, s.faults)
		}
	}
}
