{{/*
The objects of a file of manifests, as a list. files/ leads to the folders that kustomize applies, so that the two
can't differ. The namespace is the chart's.
  {{ include "squadron.objects" (dict "root" . "path" "files/rbac/users.yaml") | fromYamlArray }}
*/}}
{{- define "squadron.objects" -}}
{{- $root := .root -}}
{{- $text := required (printf "%s is not in the chart" .path) ($root.Files.Get .path) -}}
{{- $objects := list -}}
{{- range $document := regexSplit "(?m)^---$" $text -1 -}}
  {{- $object := fromYaml $document -}}
  {{- if $object -}}
    {{- if hasKey $object "Error" }}{{ fail (printf "%s: %s" $.path $object.Error) }}{{ end -}}
    {{- if hasKey $object.metadata "namespace" }}{{ $_ := set $object.metadata "namespace" $root.Release.Namespace }}{{ end -}}
    {{- range $object.subjects }}{{ $_ := set . "namespace" $root.Release.Namespace }}{{ end -}}
    {{- $objects = append $objects $object -}}
  {{- end -}}
{{- end -}}
{{- toYaml $objects -}}
{{- end -}}

{{/* Objects as documents. */}}
{{- define "squadron.documents" -}}
{{- range . }}
---
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Adds names to the rule of a Role that names `like` already.
  include "squadron.addNames" (dict "objects" $objects "like" "cluster-credentials" "names" .Values.secretNames)
*/}}
{{- define "squadron.addNames" -}}
{{- $found := false -}}
{{- range $object := .objects -}}
  {{- range $rule := $object.rules -}}
    {{- if has $.like ($rule.resourceNames | default list) -}}
      {{- $found = true -}}
      {{- $_ := set $rule "resourceNames" (concat $rule.resourceNames $.names | uniq) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if not $found }}{{ fail (printf "no rule names %s" .like) }}{{ end -}}
{{- end -}}
