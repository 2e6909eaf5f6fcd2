{{/* Names, labels and images. A context is a dict of root, service, kind and, where known, values. */}}

{{- define "vetika.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "vetika.name" -}}
{{ include "vetika.fullname" .root }}-{{ .service }}-{{ .kind }}
{{- end }}

{{/* What selects the pods of one kind of process; never changes, for selectors cannot. */}}
{{- define "vetika.selector" -}}
app.kubernetes.io/name: {{ .service }}
app.kubernetes.io/component: {{ .kind }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "vetika.labels" -}}
{{ include "vetika.selector" . }}
app.kubernetes.io/part-of: vetika
app.kubernetes.io/version: {{ include "vetika.tag" . | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Labels of what belongs to no single process. */}}
{{- define "vetika.common" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: vetika
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The kind's own tag, else the service's, else everybody's, else the chart's; of a job before an upgrade, the jobs'. */}}
{{- define "vetika.tag" -}}
{{- $service := get .root.Values.services .service | default dict -}}
{{- $kind := get $service .kind | default dict -}}
{{- $jobs := has .kind (list "check" "setup") | ternary .root.Values.image.jobsTag "" -}}
{{ coalesce $jobs (get $kind "tag") (get $service "tag") .root.Values.image.tag .root.Chart.AppVersion }}
{{- end }}

{{- define "vetika.image" -}}
{{ .root.Values.image.repository }}/{{ .image | default .service }}:{{ include "vetika.tag" . }}
{{- end }}

{{/* The kinds of process that the services here run, as a list of contexts. */}}
{{- define "vetika.processes" -}}
{{- $found := list -}}
{{- range $service, $values := .Values.services -}}
{{- if $values.enabled -}}
{{- range $kind := list "api" "relay" "worker" "sender" -}}
{{- if hasKey $values $kind -}}
{{- $found = append $found (dict "service" $service "kind" $kind) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toJson (dict "list" $found) }}
{{- end }}

{{/* Whether KEDA scales this kind, and whether the HPA does: never both. */}}
{{- define "vetika.scaler" -}}
{{- $values := get (get .root.Values.services .service) .kind -}}
{{- $wanted := and $values.autoscaling $values.autoscaling.enabled -}}
{{- if and $wanted (eq .kind "api") -}}hpa{{- else if and $wanted (eq .kind "worker") .root.Values.keda.enabled -}}keda{{- end -}}
{{- end }}

{{/* The topics that a service reads, by the services that own them (contracts/topics.yaml). */}}
{{- define "vetika.reads" -}}
{{- $reads := dict
  "registration" (list "meetings.events")
  "meetings" (list "registration.events")
  "notifications" (list "meetings.events" "registration.contacts" "registration.events")
  "recommendations" (list "meetings.events") -}}
{{ join "," (get $reads .service) }}
{{- end }}
