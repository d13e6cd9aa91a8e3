package sunco_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

const removalBody = `{"appId":"5963ba5b40e2610047cd2c51","integrationId":"5e6d7c8b"}`

func removalRequest(body string) *http.Request {
	r := httptest.NewRequest("POST", "/removed", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestReadRemoval(t *testing.T) {
	id := strings.Repeat("a", 64)
	for name, body := range map[string]string{
		"as documented": `{"appId":"a-1","integrationId":"B_2"}`,
		"other order":   `{"integrationId":"B_2","appId":"a-1"}`,
		"white space":   " {\r\n\t\"appId\" : \"a-1\" , \"integrationId\" : \"B_2\" } \n",
		"escaped":       `{"app\u0049d":"a\u002d1","integrationId":"B_2"}`,
		"unknown":       `{"appId":"a-1","integrationId":"B_2","reason":{"a":[1,null]},"AppID":"evil","appid":"evil"}`,
		"largest":       `{"appId":"a-1","integrationId":"B_2"}` + strings.Repeat(" ", 16<<10-len(`{"appId":"a-1","integrationId":"B_2"}`)),
	} {
		got, err := sunco.ReadRemoval(removalRequest(body))
		require.NoError(t, err, name)
		assert.Equal(t, &sunco.Removal{AppID: "a-1", IntegrationID: "B_2"}, got)
	}
	got, err := sunco.ReadRemoval(removalRequest(`{"appId":"` + id + `","integrationId":"` + id + `"}`))
	require.NoError(t, err)
	assert.Equal(t, id, got.AppID)
	for _, contentType := range []string{"application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8 "} {
		r := removalRequest(removalBody)
		r.Header.Set("Content-Type", contentType)
		_, err := sunco.ReadRemoval(r)
		assert.NoError(t, err, contentType)
	}
}

// badRemovals are bodies and the status that answers them.
var badRemovals = map[string]string{
	"empty": "", "text": "removed", "null": "null", "array": `[{"appId":"a","integrationId":"b"}]`, "number": "1", "HTML": "<html>", "form": "appId=a&integrationId=b", "truncated": `{"appId":"a","integrationId":"b"`, "truncated text": `{"appId":"a","integrationId":"b`,
	"no appId": `{"integrationId":"b"}`, "no integrationId": `{"appId":"a"}`, "empty object": `{}`, "empty ids": `{"appId":"","integrationId":""}`, "null id": `{"appId":null,"integrationId":"b"}`, "numeric id": `{"appId":1,"integrationId":"b"}`, "object id": `{"appId":{"a":1},"integrationId":"b"}`, "list id": `{"appId":["a"],"integrationId":"b"}`,
	"APPID": `{"APPID":"a","INTEGRATIONID":"b"}`, "AppId": `{"AppId":"a","IntegrationId":"b"}`, "Kelvin": "{\"appId\":\"a\",\"integrationId\":\"b\u212A\"}",
	"appId twice": `{"appId":"a","appId":"b","integrationId":"c"}`, "same twice": `{"appId":"a","appId":"a","integrationId":"c"}`, "integrationId twice": `{"appId":"a","integrationId":"b","integrationId":"c"}`, "twice, escaped": `{"appId":"a","app\u0049d":"b","integrationId":"c"}`, "twice, deep": `{"appId":"a","integrationId":"b","x":{"y":[{"k":1,"k":2}]}}`, "unknown twice": `{"appId":"a","integrationId":"b","x":1,"x":1}`,
	"trailing text": removalBody + "x", "trailing object": removalBody + removalBody, "trailing bracket": removalBody + "]", "NUL": removalBody + "\x00", "BOM": "\ufeff" + removalBody, "comment": removalBody + "//", "trailing comma": `{"appId":"a","integrationId":"b",}`, "single quotes": `{'appId':'a','integrationId':'b'}`, "unquoted": `{appId:"a",integrationId:"b"}`,
	"path": `{"appId":"../x","integrationId":"b"}`, "slash": `{"appId":"a/b","integrationId":"b"}`, "dot": `{"appId":"a.b","integrationId":"b"}`, "percent": `{"appId":"a%2eb","integrationId":"b"}`, "newline": `{"appId":"a\nb","integrationId":"b"}`, "space": `{"appId":" a","integrationId":"b"}`, "umlaut": `{"appId":"ä","integrationId":"b"}`, "long": `{"appId":"` + strings.Repeat("a", 65) + `","integrationId":"b"}`,
	"quote inside": `{"appId":"a\"","integrationId":"b"}`, "third in text": `{"appId":"a","integrationId":"b","integrationId":"c"}`, "not UTF-8": "{\"appId\":\"a\",\"integrationId\":\"b\",\"x\":\"\xff\"}", "lone surrogate": `{"appId":"a","integrationId":"b","x":"\ud800"}`, "bad number": `{"appId":"a","integrationId":"b","x":01}`, "deep": strings.Repeat("[", 15_000),
}

func TestReadRemovalRefused(t *testing.T) {
	for name, body := range badRemovals {
		got, err := sunco.ReadRemoval(removalRequest(body))
		assert.Nil(t, got, name)
		requireInput(t, "removal", err)
	}
	for _, body := range []string{removalBody + strings.Repeat(" ", 16<<10), strings.Repeat("x", 1<<20)} {
		_, err := sunco.ReadRemoval(removalRequest(body))
		requireInput(t, "removal", err)
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post", ""} {
		r := removalRequest(removalBody)
		r.Method = method
		_, err := sunco.ReadRemoval(r)
		requireInput(t, "removal", err)
	}
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json-patch+json", "text/json", "application/ json", "multipart/form-data; boundary=application/json"} {
		r := removalRequest(removalBody)
		r.Header.Set("Content-Type", contentType)
		_, err := sunco.ReadRemoval(r)
		requireInput(t, "removal", err)
	}
	r := removalRequest("")
	r.Body = io.NopCloser(failingReader{errors.New("cut")})
	_, err := sunco.ReadRemoval(r)
	requireInput(t, "removal", err)
	r = removalRequest("")
	r.Body = http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader(removalBody)), 5)
	_, err = sunco.ReadRemoval(r)
	requireInput(t, "removal", err)
}

// strictRemoval reads a removal with encoding/json's tokens alone, to compare.
func strictRemoval(body []byte) (sunco.Removal, bool) {
	var got sunco.Removal
	if !json.Valid(body) {
		return got, false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return got, false
	}
	if json.Unmarshal(members["appId"], &got.AppID) != nil || json.Unmarshal(members["integrationId"], &got.IntegrationID) != nil {
		return got, false
	}
	// A repeated name anywhere would be in the body more often than in the map.
	decoder := json.NewDecoder(bytes.NewReader(body))
	names := 0
	for depth, key := 0, false; ; {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
			key = depth == 1
		default:
			if depth == 1 && key {
				names++
			}
			if depth == 1 {
				key = !key
			}
		}
	}
	return got, names == len(members)
}
