{{/* What every pod has: nobody's rights, a file system that cannot be written, no token of the cluster. */}}

{{- define "vetika.pod.common" -}}
serviceAccountName: {{ .root.Values.serviceAccountName }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "vetika.container.common" -}}
image: {{ include "vetika.image" . | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Settings and secrets of a process: JSON with `plain` (variable → text) and `secrets` (variable → name, key). */}}
{{- define "vetika.told" -}}
{{- $root := .root -}}
{{- $service := get $root.Values.services .service -}}
{{- $kind := get $service .kind | default dict -}}
{{- $public := printf "https://%s/%s" $root.Values.host .service -}}
{{- $plain := dict
  "VETIKA_COALITION" $root.Values.coalition
  "VETIKA_MODE" "hosted"
  "VETIKA_HTTP_HOST" "0.0.0.0"
  "VETIKA_HTTP_PORT" "8000"
  "VETIKA_PROBE_PORT" "8000"
  "VETIKA_PUBLIC_URL" $public
  "VETIKA_KAFKA_BOOTSTRAP" $root.Values.kafka.bootstrap
  "VETIKA_KAFKA_SECURITY_PROTOCOL" $root.Values.kafka.securityProtocol
  "VETIKA_TOKEN_ISSUER" $root.Values.tokens.issuer
  "VETIKA_TOKEN_AUDIENCE" $root.Values.tokens.audience
  "VETIKA_JWKS_FILE" "/run/secrets/vetika-tokens/jwks.json" -}}
{{- $secrets := dict "VETIKA_MONGODB_URI" $service.mongodb.uri -}}
{{- if hasPrefix "SASL" $root.Values.kafka.securityProtocol -}}
{{- $_ := set $plain "VETIKA_KAFKA_SASL_MECHANISM" $root.Values.kafka.saslMechanism -}}
{{- $_ := set $plain "VETIKA_KAFKA_USERNAME" $service.kafka.username -}}
{{- $_ := set $secrets "VETIKA_KAFKA_PASSWORD" $service.kafka.password -}}
{{- end -}}
{{- if $root.Values.kafka.ca.name -}}
{{- $_ := set $plain "VETIKA_KAFKA_CA_FILE" "/run/secrets/vetika-kafka/ca.crt" -}}
{{- end -}}
{{- if eq .service "notifications" -}}
{{- $_ := set $plain "VETIKA_REGISTRATION_URL" ($root.Values.registrationUrl | default (printf "https://%s/registration" $root.Values.host)) -}}
{{- end -}}
{{- $plain = mergeOverwrite $plain (deepCopy $root.Values.settings) (deepCopy $service.settings) (deepCopy ($kind.settings | default dict)) -}}
{{- $secrets = mergeOverwrite $secrets (deepCopy $service.secrets) (deepCopy ($kind.secrets | default dict)) -}}
{{ toJson (dict "plain" $plain "secrets" $secrets) }}
{{- end }}

{{- define "vetika.env" -}}
{{- $told := include "vetika.told" . | fromJson -}}
{{- range $variable, $value := $told.plain }}
- name: {{ $variable }}
  value: {{ $value | quote }}
{{- end }}
{{- range $variable, $_ := $told.secrets }}
- name: {{ $variable }}_FILE
  value: /run/secrets/vetika/{{ $variable }}
{{- end }}
{{- end }}

{{- define "vetika.mounts" -}}
- name: tmp
  mountPath: /tmp
- name: secrets
  mountPath: /run/secrets/vetika
  readOnly: true
- name: tokens
  mountPath: /run/secrets/vetika-tokens
  readOnly: true
{{- if .root.Values.kafka.ca.name }}
- name: kafka-ca
  mountPath: /run/secrets/vetika-kafka
  readOnly: true
{{- end }}
{{- end }}

{{/* One file a secret, named like its variable; nothing else of the Secret is mounted. */}}
{{- define "vetika.volumes" -}}
{{- $told := include "vetika.told" . | fromJson -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $variable, $from := $told.secrets }}
      - secret:
          name: {{ $from.name }}
          items: [{key: {{ $from.key | quote }}, path: {{ $variable }}}]
      {{- end }}
- name: tokens
  projected:
    defaultMode: 0440
    sources:
      {{- with .root.Values.tokens.jwks }}
      - {{ eq .kind "Secret" | ternary "secret" "configMap" }}:
          name: {{ .name }}
          items: [{key: {{ .key | quote }}, path: jwks.json}]
      {{- end }}
{{- include "vetika.volume.ca" . }}
{{- end }}

{{- define "vetika.volume.ca" -}}
{{- with .root.Values.kafka.ca }}
{{- if .name }}
- name: kafka-ca
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items: [{key: {{ .key | quote }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}
