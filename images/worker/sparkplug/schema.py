"""The messages of Sparkplug B 3.0 (`org.eclipse.tahu.protobuf.Payload`, proto2) as a descriptor made here.

Texts are declared as bytes, which look the same on the wire: a text that is no UTF-8 is kept, not refused. Extensions
are not declared: what comes in them is an unknown field. The descriptor has a pool of its own, so that it stands
beside any other registration of the same names.
"""

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PACKAGE: Final = "org.eclipse.tahu.protobuf"

# Names of the datatypes by their number (Sparkplug B 3.0, 6.4.16; 0 is the standard's placeholder).
DATATYPES: Final = (
    *("Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double"),
    *("Boolean", "String", "DateTime", "Text", "UUID", "DataSet", "Bytes", "File", "Template"),
    *("PropertySet", "PropertySetList"),
    *("Int8Array", "Int16Array", "Int32Array", "Int64Array"),
    *("UInt8Array", "UInt16Array", "UInt32Array", "UInt64Array"),
    *("FloatArray", "DoubleArray", "BooleanArray", "StringArray", "DateTimeArray"),
)

_SCALARS: Final = {
    "u32": FieldDescriptorProto.TYPE_UINT32,
    "u64": FieldDescriptorProto.TYPE_UINT64,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "text": FieldDescriptorProto.TYPE_BYTES,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}
# Values of the first six kinds are of one form in every message; only the first number differs.
_PLAIN: Final = (
    "int_value:u32 long_value:u64 float_value:float double_value:double boolean_value:bool string_value:text"
)
# Message: its fields in the order of their numbers from 1, and those of which one at most is given (after `|`). A type
# with a capital is a message; `*` marks a field that repeats.
_MESSAGES: Final = {
    "Payload": "timestamp:u64 metrics:*Metric seq:u64 uuid:text body:bytes |",
    "Metric": (
        "name:text alias:u64 timestamp:u64 datatype:u32 is_historical:bool is_transient:bool is_null:bool "
        f"metadata:MetaData properties:PropertySet | {_PLAIN} bytes_value:bytes dataset_value:DataSet "
        "template_value:Template extension_value:Metric.MetricValueExtension"
    ),
    "MetaData": (
        "is_multi_part:bool content_type:text size:u64 seq:u64 file_name:text file_type:text md5:text "
        "description:text |"
    ),
    "PropertySet": "keys:*text values:*PropertyValue |",
    "PropertySetList": "propertyset:*PropertySet |",
    "PropertyValue": (
        f"type:u32 is_null:bool | {_PLAIN} propertyset_value:PropertySet propertysets_value:PropertySetList "
        "extension_value:PropertyValue.PropertyValueExtension"
    ),
    "DataSet": "num_of_columns:u64 columns:*text types:*u32 rows:*DataSet.Row |",
    "DataSet.Row": "elements:*DataSet.DataSetValue |",
    "DataSet.DataSetValue": f"| {_PLAIN} extension_value:DataSet.DataSetValue.DataSetValueExtension",
    "Template": (
        "version:text metrics:*Metric parameters:*Template.Parameter template_ref:text is_definition:bool |"
    ),
    "Template.Parameter": (
        f"name:text type:u32 | {_PLAIN} extension_value:Template.Parameter.ParameterValueExtension"
    ),
    "Metric.MetricValueExtension": "|",
    "PropertyValue.PropertyValueExtension": "|",
    "DataSet.DataSetValue.DataSetValueExtension": "|",
    "Template.Parameter.ParameterValueExtension": "|",
}


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="sparkplug_b.proto", package=PACKAGE, syntax="proto2")
    made: dict[str, DescriptorProto] = {"": file.message_type.add(name="Payload")}
    for name, fields in _MESSAGES.items():
        if name == "Payload":
            message = made[""]
        else:
            parent, _, own = name.rpartition(".")
            message = made[name] = made[parent].nested_type.add(name=own)
        message.field.extend(_fields(fields))
        if any(field.HasField("oneof_index") for field in message.field):
            message.oneof_decl.add(name="value")
    return file


def _fields(written: str) -> Iterator[FieldDescriptorProto]:
    plain, _, one_of = written.partition("|")
    always = plain.split()
    for number, field in enumerate([*always, *one_of.split()], 1):
        name, _, kind = field.partition(":")
        made = FieldDescriptorProto(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
        if kind.startswith("*"):
            made.label = FieldDescriptorProto.LABEL_REPEATED
        kind = kind.removeprefix("*")
        if kind in _SCALARS:
            made.type = _SCALARS[kind]
        else:
            made.type = FieldDescriptorProto.TYPE_MESSAGE
            made.type_name = f".{PACKAGE}.Payload.{kind}"
        if number > len(always):
            made.oneof_index = 0
        yield made


def _payload_class() -> Any:
    pool = DescriptorPool()
    pool.Add(_file())
    return GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Payload"))


Payload: Final = _payload_class()
"""The class of a payload's message; its fields are named as the standard names them."""
